// The JavaScript client against the real server: what an application does with it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connect, headers } from "@nats-io/transport-node";
import { startServer } from "./server.mjs";

async function client(t, server, options = {}) {
  const connection = await connect({ servers: `127.0.0.1:${server.port}`, ...options });
  t.after(() => connection.close());
  return connection;
}

// The payloads of the next `count` messages.
async function take(subscription, count) {
  const payloads = [];
  for await (const message of subscription) {
    payloads.push(message.string());
    if (payloads.length === count) {
      break;
    }
  }
  return payloads;
}

test("publishes and subscribes in order", async (t) => {
  const server = await startServer(t);
  const receiver = await client(t, server);
  const sender = await client(t, server);
  const subscription = receiver.subscribe("a.*");
  await receiver.flush();
  for (let i = 0; i < 1000; i++) {
    sender.publish("a.b", String(i));
  }
  await sender.flush();
  const expected = Array.from({ length: 1000 }, (_, i) => String(i));
  assert.deepEqual(await take(subscription, 1000), expected);
});

test("a request is answered", async (t) => {
  const server = await startServer(t);
  const responder = await client(t, server);
  responder.subscribe("svc", {
    callback: (_, message) => message.respond("re: " + message.string()),
  });
  await responder.flush();
  const asker = await client(t, server);
  for (let i = 0; i < 50; i++) {
    assert.equal((await asker.request("svc", `n${i}`)).string(), `re: n${i}`);
  }
  const many = [];
  for await (const reply of await asker.requestMany("svc", "m", { maxMessages: 1 })) {
    many.push(reply.string());
  }
  assert.deepEqual(many, ["re: m"]);
});

test("a request without responder fails at once", async (t) => {
  const server = await startServer(t);
  const connection = await client(t, server);
  await assert.rejects(connection.request("nobody", "x", { timeout: 10_000 }),
    (failure) => failure.isNoResponders?.() || failure.name === "NoRespondersError" ||
      failure.cause?.name === "NoRespondersError");
});

test("a queue group shares the messages", async (t) => {
  const server = await startServer(t);
  const connections = [await client(t, server), await client(t, server)];
  const counts = [0, 0];
  let all;
  const done = new Promise((resolve) => all = resolve);
  for (const [index, connection] of connections.entries()) {
    connection.subscribe("work", {
      queue: "q",
      callback: () => {
        counts[index]++;
        if (counts[0] + counts[1] === 400) {
          all();
        }
      },
    });
    await connection.flush();
  }
  for (let i = 0; i < 400; i++) {
    connections[0].publish("work", "job");
  }
  await done;
  assert.ok(counts[0] > 100 && counts[1] > 100, `${counts}`);
});

test("a subscription with a maximum ends by itself", async (t) => {
  const server = await startServer(t);
  const connection = await client(t, server);
  const subscription = connection.subscribe("a", { max: 3 });
  for (let i = 0; i < 5; i++) {
    connection.publish("a", String(i));
  }
  const received = [];
  for await (const message of subscription) {
    received.push(message.string());
  }
  assert.deepEqual(received, ["0", "1", "2"]);
});

test("headers arrive", async (t) => {
  const server = await startServer(t);
  const connection = await client(t, server);
  const subscription = connection.subscribe("a", { max: 1 });
  const sent = headers();
  sent.append("Key", "one");
  sent.append("Key", "two");
  connection.publish("a", "body", { headers: sent });
  for await (const message of subscription) {
    assert.equal(message.string(), "body");
    assert.deepEqual(message.headers.values("Key"), ["one", "two"]);
  }
});

test("the largest payload arrives whole", async (t) => {
  const server = await startServer(t);
  const connection = await client(t, server);
  assert.equal(connection.info.max_payload, 1048576);
  const payload = new Uint8Array(connection.info.max_payload).map((_, i) => i * 31 + i / 251);
  const subscription = connection.subscribe("big", { max: 4 });
  for (let i = 0; i < 4; i++) {
    connection.publish("big", payload);
  }
  for await (const message of subscription) {
    assert.ok(Buffer.from(message.data).equals(Buffer.from(payload)), "the payload is damaged");
  }
});

test("drain delivers what is pending, then closes", async (t) => {
  const server = await startServer(t);
  const connection = await client(t, server);
  let received = 0;
  connection.subscribe("a", { callback: () => received++ });
  for (let i = 0; i < 100; i++) {
    connection.publish("a");
  }
  await connection.drain();
  assert.equal(received, 100);
  assert.ok(connection.isClosed());
});

test("subscriptions work again after a server restart", async (t) => {
  const first = await startServer(t);
  const connection = await client(t, first, { reconnectTimeWait: 20, maxReconnectAttempts: -1 });
  const subscription = connection.subscribe("a");
  await connection.flush();
  const reconnected = (async () => {
    for await (const status of connection.status()) {
      if (status.type === "reconnect") {
        return;
      }
    }
  })();
  await first.stop();
  const second = await startServer(t, { port: first.port });
  await reconnected;
  await connection.flush();
  const sender = await client(t, second);
  sender.publish("a", "again");
  assert.deepEqual(await take(subscription, 1), ["again"]);
});

test("user, password and token are checked", async (t) => {
  const byUser = await startServer(t, { config: "authorization { user: u, password: secret }" });
  await client(t, byUser, { user: "u", pass: "secret" });
  await assert.rejects(client(t, byUser, { user: "u", pass: "wrong" }), /Authorization Violation/i);
  const byToken = await startServer(t, { config: "authorization { token: T0ken }" });
  await client(t, byToken, { token: "T0ken" });
  await assert.rejects(client(t, byToken), /Authorization Violation/i);
});

test("a permission violation is reported to the application", async (t) => {
  const config = "authorization { users [ { user: u, password: p, permissions { publish: ok," +
    " subscribe: [ok, \"_INBOX.>\"] } } ] }";
  const server = await startServer(t, { config });
  const connection = await client(t, server, { user: "u", pass: "p" });
  const failure = await connection.subscribe("forbidden").closed;
  assert.match(String(failure?.message ?? ""), /Permissions Violation/i);
  assert.ok(!connection.isClosed());
});

for (const first of [false, true]) {
  test(`messages flow encrypted, handshake ${first ? "first" : "after INFO"}`, async (t) => {
    const file = (name) => join(process.env.CERTIFICATES, name);
    const server = await startServer(t, {
      config: `tls { cert_file: "${file("server-cert.pem")}", key_file: "${file("server-key.pem")}",
        ca_file: "${file("ca.pem")}", verify: true, handshake_first: ${first} }`,
    });
    const connection = await connect({
      servers: `localhost:${server.port}`,
      tls: {
        handshakeFirst: first,
        ca: readFileSync(file("ca.pem"), "utf8"),
        cert: readFileSync(file("client-cert.pem"), "utf8"),
        key: readFileSync(file("client-key.pem"), "utf8"),
      },
    });
    t.after(() => connection.close());
    const subscription = connection.subscribe("a", { max: 1 });
    connection.publish("a", "x".repeat(100_000));
    for await (const message of subscription) {
      assert.equal(message.string().length, 100_000);
    }
  });
}
