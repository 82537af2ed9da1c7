// The packages import JSON without saying that it is JSON, which their bundlers allow and node refuses.
import { register } from "node:module";

const hook = `
export async function load(url, context, next) {
  return url.endsWith(".json") ? next(url, { ...context, importAttributes: { type: "json" } }) : next(url, context);
}`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
