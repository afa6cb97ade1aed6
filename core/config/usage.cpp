// Texts of --help, --version and --help_tls.

#include <fmt/format.h>

#include "core/config/command_line.hpp"

namespace dunlin::config {

std::string usage_text() {
  return R"(
Usage: dunlin-server [options] [command [arguments]]

Server Options:
    -a, --addr, --net <host>         Address to bind for clients (default: 0.0.0.0)
    -p, --port <port>                Port for clients (default: 4222)
    -n, --name
        --server_name <server_name>  Name of the server (default: auto)
    -P, --pid <file>                 File to write the process id to
    -m, --http_port <port>           Port for monitoring over HTTP
    -ms,--https_port <port>          Port for monitoring over HTTPS
    -c, --config <file>              Configuration file (.toml, otherwise nats-server .conf)
    -t                               Check the configuration and exit
        --check full                 The same, and check how options go together
    -sl,--signal <signal>[=<pid>]    Signal a server: ldm, stop, quit, term, reopen or reload;
                                     <pid> is a process id or the path of a file that holds it
        --client_advertise <string>  host:port told to clients and other servers
        --ports_file_dir <dir>       Directory for a file that lists the open ports
        --list-plugins               Show the plugins found and exit

Logging Options:
    -l, --log <file>                 File to log to
    -T, --logtime                    Put the time on log lines (default: true)
        --logtime_utc                Log times in UTC (default: false)
    -s, --syslog                     Log to the system log
    -r, --remote_syslog <addr>       Address of a system log (udp://localhost:514)
    -D, --debug                      Log debugging output
    -V, --trace                      Log the raw protocol
    -VV                              The same, with the system account
    -DV                              Debug and trace
    -DVV                             Debug and trace, with the system account
        --log_size_limit <limit>     Size at which the log file is rotated
        --max_traced_msg_len <len>   Bytes of a traced message to show (default: unlimited)

JetStream Options:
    -js, --jetstream                 Enable JetStream
    -sd, --store_dir <dir>           Directory for stored messages

Authorization Options:
        --user <user>                User required of clients
        --pass <password>            Password required of clients
        --auth <token>               Token required of clients

TLS Options:
        --tls                        Enable TLS without client certificates (default: false)
        --tlscert <file>             Certificate of the server
        --tlskey <file>              Private key of the certificate
        --tlsverify                  Enable TLS and verify client certificates
        --tlscacert <file>           Roots to verify client certificates against

Cluster Options:
        --routes <rurl-1, rurl-2>    Routes to connect to
        --cluster <cluster-url>      Address for routes
        --cluster_name <string>      Name of the cluster
        --no_advertise <bool>        Do not tell clients of the other servers
        --cluster_advertise <string> host:port told to other servers
        --connect_retries <number>   Attempts to connect an implicit route
        --cluster_listen <url>       Address for routes

Profiling Options:
        --profile <port>             Port for profiles

Common Options:
    -h, --help                       Show this text
    -v, --version                    Show the version
        --help_tls                   Show help on TLS
        --help_options               Show every configuration option, as Markdown
)";
}

std::string version_text() {
  return fmt::format("nats-server: v{} (dunlin {})\n", compatible_version, DUNLIN_VERSION);
}

std::string tls_help_text() {
  return R"(
TLS is configured in the tls section of the configuration file:

    tls {
        cert_file:      "./certs/server-cert.pem"
        key_file:       "./certs/server-key.pem"
        ca_file:        "./certs/ca.pem"
        verify:         true
        verify_and_map: true

        cipher_suites: [
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
        ]
        curve_preferences: [
            "CurveP256",
            "CurveP384"
        ]
    }

Available cipher suites include:
    TLS_AES_128_GCM_SHA256
    TLS_AES_256_GCM_SHA384
    TLS_CHACHA20_POLY1305_SHA256
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
    TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
    TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA
    TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA
    TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
    TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA

Available curve preferences include:
    X25519MLKEM768
    SecP384r1MLKEM1024
    SecP256r1MLKEM768
    X25519
    CurveP256
    CurveP384
    CurveP521
)";
}

}  // namespace dunlin::config
