// The smallest conversation: subscribe, publish, receive. With the C client (libnats-dev):
//   cc docs/examples/hello.c -lnats -o build/hello && build/hello [url]

#include <nats/nats.h>
#include <stdio.h>

static int fail(const char *what, natsStatus status) {
  fprintf(stderr, "hello: %s: %s\n", what, natsStatus_GetText(status));
  return 1;
}

int main(int argc, char **argv) {
  const char *url = argc > 1 ? argv[1] : NATS_DEFAULT_URL;
  natsConnection *connection = NULL;
  natsSubscription *subscription = NULL;
  natsMsg *message = NULL;

  natsStatus status = natsConnection_ConnectTo(&connection, url);
  if (status != NATS_OK) return fail(url, status);
  status = natsConnection_SubscribeSync(&subscription, connection, "greet.*");
  if (status == NATS_OK) status = natsConnection_PublishString(connection, "greet.world", "hello");
  if (status == NATS_OK) status = natsSubscription_NextMsg(&message, subscription, 2000);
  if (status == NATS_OK) {
    printf("%s: %.*s\n", natsMsg_GetSubject(message), natsMsg_GetDataLength(message),
           natsMsg_GetData(message));
  }

  natsMsg_Destroy(message);
  natsSubscription_Destroy(subscription);
  natsConnection_Destroy(connection);
  nats_Close();
  return status == NATS_OK ? 0 : fail("publish and subscribe", status);
}
