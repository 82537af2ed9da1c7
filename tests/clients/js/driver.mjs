// Calls functions of @huggingface/hub: one JSON request on each line of stdin, one JSON answer on each line of stdout.
// Bytes go both ways as {"$base64": "..."}; what a function yields comes as a list.
import * as hub from "@huggingface/hub";
import { createInterface } from "node:readline";

const defaults = { hubUrl: process.env.HUB_URL, accessToken: process.env.HUB_TOKEN };

const bytes = (text) => Uint8Array.from(Buffer.from(text, "base64"));
const revive = (_, value) => (typeof value?.$base64 === "string" ? new Blob([bytes(value.$base64)]) : value);

async function plain(result) {
	if (result instanceof Blob) {
		return { $base64: Buffer.from(await result.arrayBuffer()).toString("base64") };
	}
	if (result && typeof result === "object" && Symbol.asyncIterator in result) {
		return await gather(result);
	}
	return result ?? null;
}

async function gather(generator) {
	const items = [];
	for await (const item of generator) {
		items.push(item);
	}
	return items;
}

async function answer({ name, params, slice }) {
	try {
		let result = await hub[name]({ ...defaults, ...params });
		if (slice) {
			result = result.slice(...slice);
		}
		return { result: await plain(result) };
	} catch (error) {
		return { error: error.message, status: error.statusCode ?? null };
	}
}

// The client tells of its downloads on stdout, which belongs to the answers.
console.log = console.info = console.debug = console.error;

for await (const line of createInterface({ input: process.stdin })) {
	process.stdout.write(JSON.stringify(await answer(JSON.parse(line, revive))) + "\n");
}
