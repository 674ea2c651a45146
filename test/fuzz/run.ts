// `npm run fuzz [seconds] [seed]`: the differential fuzz of the HTTP/1 parser, a minute long unless told otherwise.
import { Dice } from "./http1-cases.ts";
import { runDifferential } from "./http1-differential.ts";

const seconds = Number(process.argv[2] ?? 60);
const seed = Number(process.argv[3] ?? Math.floor(Math.random() * 2 ** 32));
console.log(`fuzzing for ${seconds} s with seed ${seed}`);
const until = performance.now() + seconds * 1000;
const result = await runDifferential(new Dice(seed), () => performance.now() >= until);
console.log(`${result.cases} cases, ${result.understood} understood, ${result.stricter} refused by us alone`);
