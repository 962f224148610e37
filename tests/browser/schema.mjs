// SPDX-License-Identifier: BSD-2-Clause
// Is a JSON file what a schema (draft 7) asks for?   node schema.mjs SCHEMA FILE
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const require = createRequire(path.resolve(process.env.VARVE_BROWSER_DEPS, "package.json"));
const Ajv = require("ajv");
const [schema, file] = process.argv.slice(2).map((f) => JSON.parse(fs.readFileSync(f, "utf8")));
const validate = new (Ajv.default || Ajv)({ strict: false }).compile(schema);
console.log(validate(file) ? "valid" : "invalid: " + JSON.stringify(validate.errors.slice(0, 3)));
