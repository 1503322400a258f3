// The clients of the Connect project: connect-node and connect-web.

import { create, createRegistry } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, encodeBinaryHeader } from "@connectrpc/connect";
import * as node from "@connectrpc/connect-node";
import * as web from "@connectrpc/connect-web";
import { EchoRequestSchema, InteropService, file_interop_v1_interop } from "./gen/interop/v1/interop_pb.js";
import { report } from "./report.mjs";

// In JSON, an Any contains its message, so the codec must know the type.
const jsonOptions = { registry: createRegistry(file_interop_v1_interop) };

const TRANSPORTS = {
  "node-connect-1": (baseUrl) => node.createConnectTransport({ baseUrl, httpVersion: "1.1" }),
  "node-connect-2": (baseUrl) => node.createConnectTransport({ baseUrl, httpVersion: "2" }),
  "node-connect-json-get": (baseUrl) =>
    node.createConnectTransport({
      baseUrl,
      httpVersion: "2",
      useBinaryFormat: false,
      useHttpGet: true,
      jsonOptions,
    }),
  "node-grpc": (baseUrl) => node.createGrpcTransport({ baseUrl }),
  "node-grpc-web-1": (baseUrl) => node.createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
  "node-grpc-web-2": (baseUrl) => node.createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
  "web-connect": (baseUrl) => web.createConnectTransport({ baseUrl, jsonOptions }),
  "web-grpc-web": (baseUrl) => web.createGrpcWebTransport({ baseUrl }),
};

const [name, url] = process.argv.slice(2);
const client = createClient(InteropService, TRANSPORTS[name](url));

// Returns the error of a call that must fail.
async function failure(call) {
  try {
    await call();
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("the call did not fail");
}

// Returns a queue as an async iterable, so that a request can follow a response.
function channel() {
  const waiting = [];
  let wake = () => {};
  return {
    push(item) {
      waiting.push(item);
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        while (waiting.length === 0) await new Promise((resolve) => (wake = resolve));
        const item = waiting.shift();
        if (item === undefined) return;
        yield item;
      }
    },
  };
}

const checks = {
  async unary() {
    return (await client.echo({ text: "Grüße" })).text;
  },

  async large() {
    const data = new Uint8Array(1_000_000).fill(7);
    return (await client.echo({ data })).data.length;
  },

  async server_stream() {
    const numbers = [];
    for await (const { number } of client.repeat({ text: "again", times: 3 })) numbers.push(number);
    return numbers;
  },

  async metadata() {
    const headers = new Headers({
      "interop-color": "red",
      "interop-bytes-bin": encodeBinaryHeader(new Uint8Array([0, 255])),
    });
    const seen = {};
    await client.echo(
      {},
      {
        headers,
        onHeader: (header) => {
          seen.header = header.get("interop-color");
          seen.bytes = header.get("interop-bytes-bin");
        },
        onTrailer: (trailer) => (seen.trailer = trailer.get("trailing-interop-color")),
      },
    );
    return seen;
  },

  async error() {
    const detail = anyPack(EchoRequestSchema, create(EchoRequestSchema, { text: "try this" }));
    const error = await failure(() =>
      client.fail({ code: Code.NotFound, message: "größer", details: [detail] }),
    );
    return {
      code: error.code,
      message: error.rawMessage,
      details: error.findDetails(EchoRequestSchema).map(({ text }) => text),
    };
  },

  async late_error() {
    const texts = [];
    const error = await failure(async () => {
      for await (const { text } of client.failLate({ code: Code.DataLoss, message: "half" })) {
        texts.push(text);
      }
    });
    return { code: error.code, message: error.rawMessage, texts };
  },

  async unimplemented() {
    return (await failure(() => client.missing({}))).code;
  },

  async deadline() {
    return (await failure(() => client.wait({ key: crypto.randomUUID() }, { timeoutMs: 300 }))).code;
  },

  async cancel() {
    const key = crypto.randomUUID();
    const abort = new AbortController();
    const error = await failure(async () => {
      for await (const _ of client.tick({ key }, { signal: abort.signal })) abort.abort();
    });
    const { happened } = await client.observe({ key, event: "canceled" });
    return { code: error.code, happened };
  },

  async client_stream() {
    async function* requests() {
      for (const text of ["one", "two", "three"]) yield { text };
    }
    return (await client.collect(requests())).text;
  },

  async ping_pong() {
    const requests = channel();
    const texts = [];
    requests.push({ text: "1" });
    for await (const { text } of client.chat(requests)) {
      texts.push(text);
      requests.push(texts.length < 5 ? { text: `${texts.length + 1}` } : undefined);
    }
    return texts;
  },
};

await report(checks);
