// Starts the server under test and stops it when the test ends.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const patience_ms = 10_000;

// Resolves to {port, stop} when the server says it is ready. `test` is the running test's context.
export async function startServer(test, { config = "", port = -1 } = {}) {
  const directory = mkdtempSync(join(tmpdir(), "dunlin-js-"));
  const file = join(directory, "server.conf");
  writeFileSync(file, config);
  const process_ = spawn(process.env.DUNLIN_SERVER,
    ["-a", "127.0.0.1", "-p", String(port), "-c", file], { stdio: ["ignore", "ignore", "pipe"] });
  let stopped;
  const stop = () => {
    stopped ??= (async () => {
      if (process_.exitCode === null && process_.signalCode === null) {
        const ended = once(process_, "exit");
        process_.kill("SIGTERM");
        await ended;
      }
      rmSync(directory, { recursive: true, force: true });
    })();
    return stopped;
  };
  test.after(stop);
  let log = "";
  const ready = new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the server is not ready:\n${log}`)),
      patience_ms);
    process_.on("error", reject);
    process_.on("exit", () => reject(new Error(`the server ended:\n${log}`)));
    process_.stderr.on("data", (data) => {
      log += data;
      const found = /Listening for client connections on \S+:(\d+)/.exec(log);
      if (found && log.includes("Server is ready")) {
        clearTimeout(timer);
        resolve(Number(found[1]));
      }
    });
  });
  return { port: await ready, stop };
}
