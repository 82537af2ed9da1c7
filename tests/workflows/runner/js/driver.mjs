// Answers questions about workflows, one JSON object a line, with GitHub's own parser and expression engine.
import { createInterface } from "node:readline";
import { Evaluator, Lexer, Parser, data } from "@actions/expressions";
import { TokenType } from "@actions/expressions/lexer";
import { truthy } from "@actions/expressions/result";
import { NoOperationTraceWriter, convertWorkflowTemplate, parseWorkflow } from "@actions/workflow-parser";
import { convertActionTemplate, parseAction } from "@actions/workflow-parser/actions/index";
import { ensureStatusFunction } from "@actions/workflow-parser/model/converter/if-condition";
import { YamlObjectReader } from "@actions/workflow-parser/workflows/yaml-object-reader";

// For the sake of an editor's underlining, 0.3.61 reads expressions in text of several lines from the source, indented and
// unfolded. GitHub takes the value that YAML gives.
const read = YamlObjectReader.getLiteralToken;
YamlObjectReader.getLiteralToken = (...place) => Object.assign(read(...place), { source: undefined });

// What users name themselves: a key `if` in there is no condition.
const NAMED_BY_USERS = new Set(["env", "inputs", "outputs", "secrets", "with"]);
const SEQUENCE = 1;
const MAPPING = 2;
const NULL = 7;

// Tokens as plain JSON: an expression becomes {"$expr": "..."}. Text with ${{ }} in it is one already, a format(...).
function plain(token, parent) {
  if (token.isExpression) return { $expr: token.expression };
  switch (token.templateTokenType) {
    case SEQUENCE:
      return [...token].map((item) => plain(item));
    case MAPPING:
      return Object.fromEntries([...token].map(({ key, value }) => entry(key, value, parent)));
    case NULL:
      return null;
    default:
      return token.value;
  }
}

function entry(key, value, parent) {
  if (key.isExpression) throw new Error(`an expression as a key: ${key.expression}`);
  const name = key.toString();
  return [name, name === "if" && !NAMED_BY_USERS.has(parent) ? condition(value) : plain(value, name)];
}

// https://docs.github.com/en/actions/reference/workflows-and-actions/expressions#status-check-functions:
// a condition that asks for no status holds after success only.
function condition(token) {
  const text = token.isExpression ? token.expression : String(token.value ?? "").trim();
  return { $expr: text === "" ? "success()" : ensureStatusFunction(text, token.definitionInfo) };
}

async function parse({ name, content, kind }) {
  const file = { name, content };
  const trace = new NoOperationTraceWriter();
  const parsed = kind === "action" ? parseAction(file, trace) : parseWorkflow(file, trace);
  if (parsed.value && kind === "action") convertActionTemplate(parsed.context, parsed.value, { errorPolicy: 1 });
  if (parsed.value && kind !== "action")
    await convertWorkflowTemplate(parsed.context, parsed.value, undefined, { errorPolicy: 1 });
  const errors = parsed.context.errors.getErrors().map((error) => error.message);
  return { errors, document: parsed.value && errors.length === 0 ? plain(parsed.value) : null };
}

class MissingHash extends Error {
  constructor(patterns) {
    super("hashFiles");
    this.patterns = patterns;
  }
}

function functions(status, hashes) {
  const answer = (value) => ({ minArgs: 0, maxArgs: 255, call: () => new data.BooleanData(value) });
  const hashFiles = (...patterns) => {
    const asked = patterns.map((pattern) => pattern.coerceString());
    const known = hashes[JSON.stringify(asked)];
    if (known === undefined) throw new MissingHash(asked);
    return new data.StringData(known);
  };
  return {
    always: answer(true),
    cancelled: answer(status.cancelled),
    failure: answer(status.failure),
    success: answer(status.success),
    hashfiles: { minArgs: 1, maxArgs: 255, call: hashFiles },
  };
}

function evaluate({ expression, contexts, status, hashes }) {
  const known = Object.entries(functions(status, hashes)).map(([name, definition]) => ({ name, ...definition }));
  const { tokens } = new Lexer(expression).lex();
  // 0.3.61 unescapes only the first '' of a string; GitHub's runner unescapes all of them.
  for (const token of tokens)
    if (token.type === TokenType.STRING) token.value = token.lexeme.slice(1, -1).replaceAll("''", "'");
  const tree = new Parser(tokens, Object.keys(contexts), known).parse();
  const values = JSON.parse(JSON.stringify(contexts), data.reviver);
  const found = new Evaluator(tree, values, new Map(known.map((item) => [item.name, item]))).evaluate();
  const value = JSON.parse(JSON.stringify(found, data.replacer) ?? "null");
  return { value, text: found.coerceString(), truth: truthy(found) };
}

const answers = { parse, evaluate };
for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  let answer;
  try {
    answer = await answers[question.about](question);
  } catch (error) {
    answer = error instanceof MissingHash ? { patterns: error.patterns } : { error: String(error.message ?? error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
