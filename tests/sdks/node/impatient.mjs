// The openai package with a timeout that is shorter than a picture takes, and its own retries. Arguments: base address,
// key. Prints the length of what it got, and of how many bytes its edit is.

import OpenAI, { toFile } from "openai";

const [base, key] = process.argv.slice(2);
const MODEL = "gemini-3.1-flash-image-preview";
const api = new OpenAI({ baseURL: `${base}/v1`, apiKey: key, timeout: 3000 });

const { data } = await api.images.generate({ model: MODEL, prompt: "a paper boat" });
const image = await toFile(Buffer.from(data[0].b64_json, "base64"), "boat.png", { type: "image/png" });
const edited = await api.images.edit({ model: MODEL, prompt: "make it night", image });
console.log(JSON.stringify([data[0].b64_json.length, edited.data[0].b64_json.length]));
