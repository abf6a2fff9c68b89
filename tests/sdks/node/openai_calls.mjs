// Every call of the openai package that a picture can come from, and its errors, as in ../openai_calls.py.
// Arguments: base address, key. Prints one JSON object, see `tell`.

import OpenAI, { AuthenticationError, BadRequestError, NotFoundError, toFile } from "openai";
import { VERSION } from "openai/version";
import { expect, listed, refused, size, tell } from "./trial.mjs";

const MODEL = "gemini-3.1-flash-image-preview";
const PROMPT = "a paper boat";
const WIDE = { google: { image_config: { aspect_ratio: "21:9", image_size: "4K" } } };

const opened = (encoded) => size(Buffer.from(encoded, "base64"));
const addressed = (url) => opened(url.split(";base64,")[1]);
const sizes = (answer) => answer.data.map((each) => opened(each.b64_json));
const shown = (message) => addressed(message.images[0].image_url.url);
const drawn = (response) => opened(response.output.find((item) => item.type === "image_generation_call").result);
const dataUri = (picture) => `data:image/png;base64,${picture.toString("base64")}`;

async function boat(api) {
  const answer = await api.images.generate({ model: MODEL, prompt: PROMPT, size: "16:9" });
  return Buffer.from(answer.data[0].b64_json, "base64");
}

const boatFile = async (api) => toFile(await boat(api), "boat.png", { type: "image/png" });

const calls = {
  "images.generate": async (api) => {
    expect(sizes(await api.images.generate({ model: MODEL, prompt: PROMPT, size: "1536x1024" })), ["1264x848"]);
  },
  "images.generate, 4K 21:9": async (api) => {
    expect(sizes(await api.images.generate({ model: MODEL, prompt: PROMPT, ...WIDE })), ["6336x2688"]);
  },
  "images.generate, n=2": async (api) => {
    expect(sizes(await api.images.generate({ model: MODEL, prompt: PROMPT, n: 2 })), ["1024x1024", "1024x1024"]);
  },
  "images.generate, as a URL": async (api) => {
    const answer = await api.images.generate({ model: MODEL, prompt: PROMPT, response_format: "url", quality: "low" });
    const fetched = await Promise.all(answer.data.map(async (each) => (await fetch(each.url)).arrayBuffer()));
    expect(fetched.map((each) => size(Buffer.from(each))), ["1024x1024"]);
  },
  "images.generate, streamed": async (api) => {
    const [event, ...more] = await listed(api.images.generate({ model: MODEL, prompt: PROMPT, stream: true }));
    expect([event.type, opened(event.b64_json), more], ["image_generation.completed", "1024x1024", []]);
  },
  "images.edit": async (api) => {
    const image = await boatFile(api);
    expect(sizes(await api.images.edit({ model: MODEL, prompt: "make it night", image })), ["1376x768"]);
  },
  "images.edit, two pictures": async (api) => {
    const image = [await boatFile(api), await boatFile(api)];
    expect(sizes(await api.images.edit({ model: MODEL, prompt: "both", image, size: "1024x1024" })), ["1024x1024"]);
  },
  "images.edit, streamed": async (api) => {
    const asked = { model: MODEL, prompt: "make it night", image: await boatFile(api), stream: true };
    const [event, ...more] = await listed(api.images.edit(asked));
    expect([event.type, opened(event.b64_json), more], ["image_edit.completed", "1376x768", []]);
  },
  "chat.completions": async (api) => {
    const answer = await api.chat.completions.create({ model: MODEL, messages: [{ role: "user", content: PROMPT }] });
    expect(shown(answer.choices[0].message), "1024x1024");
    expect(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  },
  "chat.completions, n=2": async (api) => {
    const messages = [{ role: "user", content: PROMPT }];
    const answer = await api.chat.completions.create({ model: MODEL, messages, n: 2 });
    expect(answer.choices.map((choice) => shown(choice.message)), ["1024x1024", "1024x1024"]);
  },
  "chat.completions, a picture in": async (api) => {
    const picture = { type: "image_url", image_url: { url: dataUri(await boat(api)) } };
    const messages = [{ role: "user", content: [{ type: "text", text: "make it night" }, picture] }];
    expect(shown((await api.chat.completions.create({ model: MODEL, messages })).choices[0].message), "1376x768");
  },
  "chat.completions, three turns at 4K": async (api) => {
    const messages = [];
    for (const content of [PROMPT, "make it night", "add a moon"]) {
      messages.push({ role: "user", content });
      const answer = await api.chat.completions.create({ model: MODEL, messages, ...WIDE });
      messages.push(answer.choices[0].message);
      expect(shown(messages.at(-1)), "6336x2688");
    }
  },
  "chat.completions, streamed": async (api) => {
    const messages = [{ role: "user", content: PROMPT }];
    const asked = { model: MODEL, messages, stream: true, stream_options: { include_usage: true } };
    const chunks = await listed(api.chat.completions.create(asked));
    const deltas = chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.delta));
    expect(deltas.filter((delta) => delta.images).map(shown), ["1024x1024"]);
    expect(chunks.at(-1).usage.total_tokens > 1000, true);
  },
  responses: async (api) => {
    const tools = [{ type: "image_generation", size: "1536x1024", quality: "high" }];
    const answer = await api.responses.create({ model: MODEL, input: PROMPT, tools });
    expect([answer.status, drawn(answer), answer.usage.total_tokens > 1000], ["completed", "1264x848", true]);
  },
  "responses, a picture in": async (api) => {
    const picture = { type: "input_image", image_url: dataUri(await boat(api)), detail: "auto" };
    const content = [{ type: "input_text", text: "make it night" }, picture];
    expect(drawn(await api.responses.create({ model: MODEL, input: [{ role: "user", content }] })), "1376x768");
  },
  "responses, streamed": async (api) => {
    const events = await listed(api.responses.create({ model: MODEL, input: PROMPT, stream: true }));
    expect([events[0].type, events.at(-1).type], ["response.created", "response.completed"]);
    expect(drawn(events.at(-1).response), "1024x1024");
  },
  "models.list, models.retrieve": async (api) => {
    expect((await listed(api.models.list())).some((each) => each.id === MODEL), true);
    expect((await api.models.retrieve(`${MODEL}-4k`)).id, `${MODEL}-4k`);
  },
  "a wrong key is a 401": async (api) => {
    const stranger = api.withOptions({ apiKey: `sk-gw-${"x".repeat(43)}` });
    const asked = stranger.images.generate({ model: MODEL, prompt: PROMPT });
    await refused(asked, AuthenticationError, { status: 401, code: "invalid_api_key" });
  },
  "an unknown model is a 404": async (api) => {
    const messages = [{ role: "user", content: PROMPT }];
    const asked = api.chat.completions.create({ model: "gpt-image-1", messages });
    await refused(asked, NotFoundError, { status: 404, code: "model_not_found", param: "model" });
  },
  "a wrong size is a 400": async (api) => {
    const asked = api.images.generate({ model: MODEL, prompt: PROMPT, size: "7:5" });
    await refused(asked, BadRequestError, { status: 400, code: "invalid_value", param: "size" });
  },
};

const [base, apiKey] = process.argv.slice(2);
await tell(VERSION, calls, new OpenAI({ baseURL: `${base}/v1`, apiKey, maxRetries: 0 }));
