// What the programs here share: every call is made once, and what became of it is told.

import { imageSize } from "image-size";
import { isDeepStrictEqual } from "node:util";

/** The size that a picture's own header gives, as "1024x1024". */
export function size(picture) {
  const { width, height } = imageSize(picture);
  return `${width}x${height}`;
}

export function expect(found, wanted) {
  if (!isDeepStrictEqual(found, wanted)) {
    throw new Error(`${JSON.stringify(found)} is not ${JSON.stringify(wanted)}`);
  }
}

/** That a call is refused, with an error of the class and the fields given, whose message holds the words given. */
export async function refused(asked, kind, fields, words = "") {
  const error = await asked.then(() => null, (error) => error);
  if (!(error instanceof kind)) {
    throw new Error(error ? `${error.name}: ${error.message}` : "was answered");
  }
  expect(Object.fromEntries(Object.keys(fields).map((name) => [name, error[name]])), fields);
  expect([error.message, error.message.includes(words)], [error.message, true]);
}

/** All that a stream gives. */
export async function listed(stream) {
  return Array.fromAsync(await stream);
}

/** Prints, as one JSON object, what became of each call: "ok", or what went wrong. */
export async function tell(version, calls, client) {
  const outcomes = {};
  for (const [name, call] of Object.entries(calls)) {
    const failed = (error) => `${error.name}: ${error.message}`.slice(0, 300);
    outcomes[name] = { async: await call(client).then(() => "ok", failed) };
  }
  console.log(JSON.stringify({ version, calls: outcomes }));
}
