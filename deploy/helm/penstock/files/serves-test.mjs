// Run by `helm test`: any HTTP answer, over HTTP and HTTPS, shows that the Service leads to a proxy that serves.
import http from "node:http";
import https from "node:https";

const { TEST_HOST: host, TEST_HTTP_PORT: httpPort, TEST_HTTPS_PORT: httpsPort } = process.env;
const ATTEMPTS = 20;
const PAUSE_MS = 1_000;

function statusOf(client, port) {
  return new Promise((resolve, reject) => {
    const options = { host, port, headers: { host: "penstock-test.invalid" }, timeout: 5_000, agent: false };
    // The certificate for an unknown name is self-signed, or of other names.
    const request = client.get({ ...options, rejectUnauthorized: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on("timeout", () => request.destroy(new Error("no answer within 5 s")));
    request.on("error", reject);
  });
}

for (const [name, client, port] of [
  ["HTTP", http, httpPort],
  ["HTTPS", https, httpsPort],
]) {
  if (port === "") continue;
  for (let attempt = 1; ; attempt++) {
    const outcome = await statusOf(client, port).catch((error) => error.message);
    if (typeof outcome === "number") {
      console.log(`${name} ${host}:${port}: answers, with status ${outcome}`);
      break;
    }
    console.log(`${name} ${host}:${port}: no answer (${outcome})`);
    if (attempt === ATTEMPTS) process.exit(1);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
