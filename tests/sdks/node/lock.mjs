// Takes the addresses of those who ask for money out of the lock file: `npm run lock` runs it.
import { readFileSync, writeFileSync } from "node:fs";

const lock = new URL("package-lock.json", import.meta.url);
const plain = (key, value) => (key === "funding" ? undefined : value);
writeFileSync(lock, JSON.stringify(JSON.parse(readFileSync(lock, "utf8")), plain, 2) + "\n");
