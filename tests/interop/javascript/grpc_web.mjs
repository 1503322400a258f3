// Google's client for browsers, grpc-web, with an XMLHttpRequest for Node.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import grpcWeb from "grpc-web";
import XMLHttpRequest from "xhr2";
import {
  EchoRequestSchema,
  InteropService,
  StatusSchema,
} from "./gen/interop/v1/interop_pb.js";
import { report } from "./report.mjs";

globalThis.XMLHttpRequest = XMLHttpRequest;

const [format, url] = process.argv.slice(2);
const client = new grpcWeb.GrpcWebClientBase({ format });

// Returns the descriptor that grpc-web's plugin would generate, made from protobuf-es's code.
function descriptor({ name, methodKind, input, output }) {
  return new grpcWeb.MethodDescriptor(
    `/${InteropService.typeName}/${name}`,
    methodKind === "unary" ? "unary" : "server_streaming",
    Object,
    Object,
    (message) => toBinary(input, message),
    (bytes) => fromBinary(output, bytes),
  );
}

// Returns the messages, headers, status and error of a call after its end.
function call(name, request, metadata = {}) {
  const method = InteropService.method[name];
  const path = `${url}/${InteropService.typeName}/${method.name}`;
  const message = create(method.input, request);
  const seen = { messages: [] };
  return new Promise((resolve) => {
    const end = () => setImmediate(() => resolve(seen));
    const fail = (error) => {
      seen.error = error;
      end();
    };
    const onResponse = (error, response) => {
      if (error) return fail(error);
      seen.messages.push(response);
      end();
    };
    const stream =
      method.methodKind === "unary"
        ? client.rpcCall(path, message, metadata, descriptor(method), onResponse)
        : client.serverStreaming(path, message, metadata, descriptor(method));
    stream.on("metadata", (headers) => (seen.headers = headers));
    stream.on("status", (status) => (seen.status = status));
    if (method.methodKind === "unary") return;
    stream.on("data", (response) => seen.messages.push(response));
    stream.on("error", fail);
    stream.on("end", end);
  });
}

const checks = {
  async unary() {
    const { messages } = await call("echo", { text: "Grüße" });
    return messages[0].text;
  },

  async large() {
    const { messages } = await call("echo", { data: new Uint8Array(1_000_000).fill(7) });
    return messages[0].data.length;
  },

  async server_stream() {
    const { messages } = await call("repeat", { text: "again", times: 3 });
    return messages.map(({ number }) => number);
  },

  async metadata() {
    const { headers, status } = await call("echo", {}, {
      "interop-color": "red",
      "interop-bytes-bin": "AP8",
    });
    return {
      header: headers["interop-color"],
      bytes: headers["interop-bytes-bin"],
      trailer: status.metadata["trailing-interop-color"],
    };
  },

  async error() {
    const detail = anyPack(EchoRequestSchema, create(EchoRequestSchema, { text: "try this" }));
    const { error } = await call("fail", { code: 5, message: "größer", details: [detail] });
    const status = Buffer.from(error.metadata["grpc-status-details-bin"], "base64");
    return {
      code: error.code,
      message: error.message,
      details: fromBinary(StatusSchema, status).details.map(
        ({ value }) => fromBinary(EchoRequestSchema, value).text,
      ),
    };
  },

  async late_error() {
    const { messages, error } = await call("failLate", { code: 15, message: "half" });
    return {
      code: error.code,
      message: error.message,
      texts: messages.map(({ text }) => text),
    };
  },

  async unimplemented() {
    return (await call("missing", {})).error.code;
  },

  async deadline() {
    const deadline = `${Date.now() + 300}`;
    return (await call("wait", { key: crypto.randomUUID() }, { deadline })).error.code;
  },
};

await report(checks);
