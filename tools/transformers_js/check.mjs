// What transformers.js gives for texts, of a folder that `xlnas export --formats onnx`
// or `onnx-int8` wrote: one JSON object on standard output.
//
//   npm install --prefix tools/transformers_js
//   node tools/transformers_js/check.mjs FOLDER TASK fp32|q8 < texts.json

import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import * as transformers from "@huggingface/transformers";

const CLASSES = {
  classification: "AutoModelForSequenceClassification",
  tagging: "AutoModelForTokenClassification",
  qa: "AutoModelForQuestionAnswering",
  retrieval: "AutoModel",
};
const OUTPUTS = {
  classification: ["logits"],
  tagging: ["logits"],
  qa: ["start_logits", "end_logits"],
  retrieval: ["sentence_embedding"],
};

const [folder, task, dtype] = process.argv.slice(2);
const path = resolve(folder);
transformers.env.allowRemoteModels = false;
transformers.env.localModelPath = dirname(path) + "/";
const name = basename(path);
const texts = JSON.parse(readFileSync(0, "utf-8"));
const model = await transformers[CLASSES[task]].from_pretrained(name, { dtype });
const tokenizer = await transformers.AutoTokenizer.from_pretrained(name);

const outputs = [];
for (const text of texts) {
  const given = await model(await tokenizer([text]));
  outputs.push(OUTPUTS[task].map((one) => given[one].tolist()[0]));
}
console.log(JSON.stringify({ outputs, labels: model.config.id2label ?? null }));
