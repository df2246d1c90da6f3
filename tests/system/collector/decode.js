// decode.js - a body of OTLP's protobuf as JSON, read by OpenTelemetry's own generated code.
//
//     node decode.js <folder with node_modules> <file>

"use strict";
const fs = require("fs");
const path = require("path");

const [folder, file] = process.argv.slice(2);
const root = require(path.join(folder, "node_modules/@opentelemetry/otlp-transformer/build/src/generated/root.js"));
const Request = root.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
const body = fs.readFileSync(file);
const told = Request.toObject(Request.decode(body), { longs: String, bytes: String, enums: Number });
process.stdout.write(JSON.stringify(told));
