// The Vercel AI SDK with its providers for OpenAI and Google: only their baseURL is ours.
// Arguments: base address, key. Prints one JSON object, see `tell`.

import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, generateImage, generateText, streamText } from "ai";
import { readFileSync } from "node:fs";
import { expect, refused, size, tell } from "./trial.mjs";

const MODEL = "gemini-3.1-flash-image-preview";
const prompt = "a paper boat";

const sizes = (files) => files.map((file) => size(Buffer.from(file.uint8Array)));
const inMarkdown = (text) => size(Buffer.from(/\]\(data:image\/\w+;base64,([^)]+)\)/.exec(text)[1], "base64"));
const wide = {
  google: { responseModalities: ["TEXT", "IMAGE"], imageConfig: { aspectRatio: "21:9", imageSize: "4K" } },
};
const drawing = { openai: { store: false } };

const calls = {
  "generateImage(openai.image)": async ({ openai }) => {
    const { images } = await generateImage({ model: openai.image(MODEL), prompt, size: "1536x1024" });
    expect(sizes(images), ["1264x848"]);
  },
  "generateImage(openai.image), n=2": async ({ openai }) => {
    const { images } = await generateImage({ model: openai.image(MODEL), prompt, n: 2 });
    expect(sizes(images), ["1024x1024", "1024x1024"]);
  },
  "generateImage(openai.image), a picture in": async ({ openai }) => {
    const { images } = await generateImage({ model: openai.image(MODEL), prompt, size: "1536x1024" });
    const asked = { text: "make it night", images: [images[0].uint8Array] };
    expect(sizes((await generateImage({ model: openai.image(MODEL), prompt: asked })).images), ["1264x848"]);
  },
  "generateImage(google.image)": async ({ google }) => {
    const { images } = await generateImage({ model: google.image(MODEL), prompt, aspectRatio: "16:9" });
    expect(sizes(images), ["1376x768"]);
  },
  "generateText(google), 4K 21:9": async ({ google }) => {
    const { files, usage } = await generateText({ model: google(MODEL), prompt, providerOptions: wide });
    expect([sizes(files), usage.totalTokens > 1000], [["6336x2688"], true]);
  },
  "generateText(google), three turns": async ({ google }) => {
    const messages = [];
    for (const content of [prompt, "make it night", "add a moon"]) {
      messages.push({ role: "user", content });
      const { files, response } = await generateText({ model: google(MODEL), messages, providerOptions: wide });
      expect(sizes(files), ["6336x2688"]);
      messages.push(...response.messages);
    }
  },
  "streamText(google)": async ({ google }) => {
    const stream = streamText({ model: google(MODEL), prompt, providerOptions: wide });
    expect(sizes(await stream.files), ["6336x2688"]);
  },
  "generateText(openai)": async ({ openai }) => {
    const tools = { image_generation: openai.tools.imageGeneration({ size: "1536x1024" }) };
    const { toolResults } = await generateText({ model: openai(MODEL), prompt, tools, providerOptions: drawing });
    const [{ output }] = toolResults;
    expect(size(Buffer.from(output.result, "base64")), "1264x848");
  },
  "streamText(openai)": async ({ openai }) => {
    const tools = { image_generation: openai.tools.imageGeneration() };
    const stream = streamText({ model: openai(MODEL), prompt, tools, providerOptions: drawing });
    const results = [];
    for await (const part of stream.fullStream) {
      if (part.type === "tool-result" && !part.preliminary) results.push(part.output.result);
      if (part.type === "error") throw part.error;
    }
    expect(results.map((result) => size(Buffer.from(result, "base64"))), ["1024x1024"]);
  },
  "generateText(openai), a refusal": async ({ openai }) => {
    const asked = { prompt: `${prompt} [sim:refusal]`, providerOptions: drawing };
    const { finishReason, text } = await generateText({ model: openai(MODEL), ...asked });
    expect([finishReason, /violated a policy/.test(text)], ["content-filter", true]);
  },
  "streamText(openai), a refusal": async ({ openai }) => {
    const stream = streamText({ model: openai(MODEL), prompt: `${prompt} [sim:refusal]`, providerOptions: drawing });
    expect([/violated a policy/.test(await stream.text), await stream.finishReason], [true, "content-filter"]);
  },
  "generateText(openai.chat)": async ({ openai }) => {
    const { text, usage } = await generateText({ model: openai.chat(MODEL), prompt });
    expect([inMarkdown(text), usage.totalTokens > 1000], ["1024x1024", true]);
  },
  "streamText(openai.chat)": async ({ openai }) => {
    expect(inMarkdown(await streamText({ model: openai.chat(MODEL), prompt }).text), "1024x1024");
  },
  "a wrong key (openai)": async ({ strangers }) => {
    const asked = generateImage({ model: strangers.openai.image(MODEL), prompt, maxRetries: 0 });
    await refused(asked, APICallError, { statusCode: 401 }, "API key not valid");
  },
  "an unknown model (google)": async ({ google }) => {
    const asked = generateText({ model: google("gemini-nope"), prompt, maxRetries: 0 });
    await refused(asked, APICallError, { statusCode: 404 }, "not found");
  },
};

function providers(base, apiKey) {
  return {
    openai: createOpenAI({ baseURL: `${base}/v1`, apiKey }),
    google: createGoogleGenerativeAI({ baseURL: `${base}/v1beta`, apiKey }),
  };
}

globalThis.AI_SDK_LOG_WARNINGS = false;
const { version } = JSON.parse(readFileSync(new URL("node_modules/ai/package.json", import.meta.url)));
const [base, apiKey] = process.argv.slice(2);
await tell(version, calls, { ...providers(base, apiKey), strangers: providers(base, `sk-gw-${"x".repeat(43)}`) });
