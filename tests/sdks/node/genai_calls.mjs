// Every call of @google/genai that a picture can come from, and its errors, as in ../genai_calls.py.
// Arguments: base address, key. Prints one JSON object, see `tell`.

import { ApiError, GoogleGenAI, createPartFromUri } from "@google/genai";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { deflateSync, crc32 } from "node:zlib";
import { expect, listed, refused, size, tell } from "./trial.mjs";

const MODEL = "gemini-3.1-flash-image-preview";
const PROMPT = "a paper boat";
const WIDE = { imageConfig: { aspectRatio: "21:9", imageSize: "4K" } };

const blobs = (...replies) =>
  replies.flatMap((reply) => reply.candidates?.[0].content?.parts ?? []).flatMap((part) => part.inlineData ?? []);
const sizes = (...replies) => blobs(...replies).map((blob) => size(Buffer.from(blob.data, "base64")));
const generate = (api, asked) => api.models.generateContent({ model: MODEL, contents: PROMPT, ...asked });

/** A PNG of noise of 10 MB: two of the SDK's chunks. */
function noise(width = 2048, height = 1632) {
  const chunk = (type, data) => {
    const named = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2], 8);
  const row = () => Buffer.concat([Buffer.alloc(1), randomBytes(width * 3)]);
  const rows = deflateSync(Buffer.concat(Array.from({ length: height }, row)), { level: 0 });
  const magic = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([magic, chunk("IHDR", head), chunk("IDAT", rows), chunk("IEND", Buffer.alloc(0))]);
}

const upload = (api) => api.files.upload({ file: new Blob([noise()]), config: { mimeType: "image/png" } });

const calls = {
  generate_content: async (api) => {
    const reply = await generate(api);
    expect([sizes(reply), reply.usageMetadata.totalTokenCount > 1000], [["1024x1024"], true]);
  },
  "generate_content, 4K 21:9": async (api) => {
    expect(sizes(await generate(api, { config: WIDE })), ["6336x2688"]);
  },
  "generate_content, a picture in": async (api) => {
    const [inlineData] = blobs(await generate(api, { config: WIDE }));
    expect(sizes(await generate(api, { contents: [{ inlineData }, "make it night"] })), ["1584x672"]);
  },
  "generate_content, an uploaded file in": async (api) => {
    const file = await upload(api);
    const contents = [createPartFromUri(file.uri, file.mimeType), "make it night"];
    expect(sizes(await generate(api, { contents })), ["1152x928"]);
  },
  generate_content_stream: async (api) => {
    const chunks = await listed(api.models.generateContentStream({ model: MODEL, contents: PROMPT }));
    expect([sizes(...chunks), chunks.at(-1).usageMetadata.totalTokenCount > 1000], [["1024x1024"], true]);
  },
  "chats, three turns at 4K": async (api) => {
    const turns = api.chats.create({ model: MODEL, config: WIDE });
    for (const message of [PROMPT, "make it night", "add a moon"]) {
      expect(sizes(await turns.sendMessage({ message })), ["6336x2688"]);
    }
  },
  "chats, three turns streamed": async (api) => {
    const turns = api.chats.create({ model: MODEL });
    for (const message of [PROMPT, "make it night", "add a moon"]) {
      expect(sizes(...(await listed(turns.sendMessageStream({ message })))), ["1024x1024"]);
    }
  },
  "files.upload, get, list, delete": async (api) => {
    const names = async () => (await listed(api.files.list())).map((file) => file.name);
    const { name, sha256Hash } = await upload(api);
    expect((await api.files.get({ name })).sha256Hash, sha256Hash);
    expect((await names()).includes(name), true);
    await api.files.delete({ name });
    expect((await names()).includes(name), false);
  },
  "models.list, models.get": async (api) => {
    expect((await listed(api.models.list())).some((each) => each.name === `models/${MODEL}`), true);
    expect((await api.models.get({ model: MODEL })).name, `models/${MODEL}`);
  },
  count_tokens: async (api) => {
    expect((await api.models.countTokens({ model: MODEL, contents: PROMPT })).totalTokens, 3);
  },
  "a wrong key is a 400": async (api) => {
    const config = { httpOptions: { headers: { "x-goog-api-key": `sk-gw-${"x".repeat(43)}` } } };
    await refused(generate(api, { config }), ApiError, { status: 400 }, "INVALID_ARGUMENT");
  },
  "an unknown model is a 404": async (api) => {
    await refused(generate(api, { model: "gemini-nope" }), ApiError, { status: 404 }, "NOT_FOUND");
  },
  "a wrong ratio is a 400": async (api) => {
    const config = { imageConfig: { aspectRatio: "7:5" } };
    await refused(generate(api, { config }), ApiError, { status: 400 }, "INVALID_ARGUMENT");
  },
};

const { version } = JSON.parse(readFileSync(new URL("node_modules/@google/genai/package.json", import.meta.url)));
const [baseUrl, apiKey] = process.argv.slice(2);
await tell(version, calls, new GoogleGenAI({ apiKey, httpOptions: { baseUrl } }));
