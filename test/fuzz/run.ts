// `npm run fuzz [seconds] [seed]`: the differential fuzz of HTTP/1 requests and responses, half of the time each; a
// minute long unless told otherwise.
import { Dice } from "./http1-cases.ts";
import { fuzzRequests, fuzzResponses } from "./http1-differential.ts";

const seconds = Number(process.argv[2] ?? 60);
const seed = Number(process.argv[3] ?? Math.floor(Math.random() * 2 ** 32));
console.log(`fuzzing for ${seconds} s with seed ${seed}`);
for (const [name, fuzz] of [
  ["requests", fuzzRequests],
  ["responses", fuzzResponses],
] as const) {
  const until = performance.now() + (seconds * 1000) / 2;
  const result = await fuzz(new Dice(seed), () => performance.now() >= until);
  console.log(
    `${name}: ${result.cases} cases, ${result.connections} through a connection, ${result.understood} understood, ` +
      `${result.stricter} refused by us alone`,
  );
}
