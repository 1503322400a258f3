// gRPC's client for Node, @grpc/grpc-js. It loads the types from the proto file.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import { EchoRequestSchema, StatusSchema } from "./gen/interop/v1/interop_pb.js";
import { report } from "./report.mjs";

const [protos, url] = process.argv.slice(2);
const definition = protoLoader.loadSync("interop/v1/interop.proto", {
  includeDirs: [protos],
  keepCase: true,
});
const { InteropService } = grpc.loadPackageDefinition(definition).interop.v1;
const client = new InteropService(
  url.replace("http://", ""),
  grpc.credentials.createInsecure(),
);

function unary(method, request, { metadata = new grpc.Metadata(), ...options } = {}) {
  const seen = {};
  return new Promise((resolve, reject) => {
    client[method](request, metadata, options, (error, message) =>
      error ? reject(error) : setImmediate(() => resolve({ message, ...seen })),
    )
      .on("metadata", (headers) => (seen.headers = headers))
      .on("status", ({ metadata }) => (seen.trailers = metadata));
  });
}

// Returns the error of a call that must fail.
async function failure(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error("the call did not fail");
}

const checks = {
  async unary() {
    return (await unary("Echo", { text: "Grüße" })).message.text;
  },

  async large() {
    return (await unary("Echo", { data: Buffer.alloc(1_000_000, 7) })).message.data.length;
  },

  async server_stream() {
    const numbers = [];
    for await (const { number } of client.Repeat({ text: "again", times: 3 })) numbers.push(number);
    return numbers;
  },

  async metadata() {
    const metadata = new grpc.Metadata();
    metadata.set("interop-color", "red");
    metadata.set("interop-bytes-bin", Buffer.from([0, 255]));
    const { headers, trailers } = await unary("Echo", {}, { metadata });
    return {
      header: headers.get("interop-color")[0],
      bytes: headers.get("interop-bytes-bin")[0].toString("base64").replace(/=+$/, ""),
      trailer: trailers.get("trailing-interop-color")[0],
    };
  },

  async error() {
    const detail = {
      type_url: "type.googleapis.com/interop.v1.EchoRequest",
      value: toBinary(EchoRequestSchema, create(EchoRequestSchema, { text: "try this" })),
    };
    const error = await failure(() =>
      unary("Fail", { code: grpc.status.NOT_FOUND, message: "größer", details: [detail] }),
    );
    const [status] = error.metadata.get("grpc-status-details-bin");
    return {
      code: error.code,
      message: error.details,
      details: fromBinary(StatusSchema, status).details.map(
        (each) => anyUnpack(each, EchoRequestSchema).text,
      ),
    };
  },

  async late_error() {
    const texts = [];
    const error = await failure(async () => {
      const request = { code: grpc.status.DATA_LOSS, message: "half" };
      for await (const { text } of client.FailLate(request)) texts.push(text);
    });
    return { code: error.code, message: error.details, texts };
  },

  async unimplemented() {
    return (await failure(() => unary("Missing", {}))).code;
  },

  async deadline() {
    const request = { key: crypto.randomUUID() };
    return (await failure(() => unary("Wait", request, { deadline: Date.now() + 300 }))).code;
  },

  async cancel() {
    const key = crypto.randomUUID();
    const error = await failure(async () => {
      const call = client.Tick({ key });
      for await (const _ of call) call.cancel();
    });
    const { message } = await unary("Observe", { key, event: "canceled" });
    return { code: error.code, happened: message.happened };
  },

  async client_stream() {
    return new Promise((resolve, reject) => {
      const call = client.Collect((error, { text } = {}) => (error ? reject(error) : resolve(text)));
      for (const text of ["one", "two", "three"]) call.write({ text });
      call.end();
    });
  },

  async ping_pong() {
    const call = client.Chat();
    const texts = [];
    call.write({ text: "1" });
    for await (const { text } of call) {
      texts.push(text);
      if (texts.length < 5) call.write({ text: `${texts.length + 1}` });
      else call.end();
    }
    return texts;
  },
};

await report(checks);
