/** What tests of the functions' operations share: the service over a runtime that runs nothing. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";

import { zipSync } from "fflate";

import { HawserError, utf8Bytes } from "../../codec/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import { entropy, newWorld, temporary, type World } from "../registry/fixtures.test.ts";
import {
  FunctionLogs,
  Functions,
  functionStore,
  type FunctionRuntime,
  type FunctionServiceOptions,
  type RunRequest,
  type RunResult,
} from "./index.ts";
import type { Deployment } from "./runtime.ts";

export const ROLE = "arn:aws:iam::123456789012:role/any";
export type Run = { readonly deployment: Deployment; readonly request: RunRequest };

export class FakeRuntime implements FunctionRuntime {
  readonly isolation = { boundary: "none", reachable: [], runs: true, noTmp: "", warning: "" } as const;
  readonly runs: Run[] = [];
  readonly retired: string[] = [];
  answer: (run: Run) => RunResult | HawserError = () => ended('"done"');

  run(deployment: Deployment, request: RunRequest): Promise<RunResult> {
    const run = { deployment, request };
    this.runs.push(run);
    const answer = this.answer(run);
    return answer instanceof HawserError ? Promise.reject(answer) : Promise.resolve(answer);
  }

  retire(functionArn: string): void {
    this.retired.push(functionArn);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const cost = { durationMs: 7, maxMemoryBytes: 1, log: utf8Bytes(`${"x".repeat(5000)}END`) };

export function ended(payload: string): RunResult {
  return { ...cost, outcome: "succeeded", payload };
}

export function failed(outcome: "failed" | "timeout" | "memory" = "failed"): RunResult {
  return {
    ...cost,
    outcome,
    error: { errorType: "TypeError", errorMessage: "bad", trace: ["TypeError: bad", "at x"] },
  };
}

export type Service = World & {
  readonly functions: Functions;
  readonly runtime: FakeRuntime;
  readonly directory: string;
};

export async function open(
  t: TestContext,
  directory = temporary(t),
  more: Partial<FunctionServiceOptions> = {},
): Promise<Service> {
  const world = await newWorld(t, directory);
  const runtime = new FakeRuntime();
  const { account, store } = world.registry;
  const { clock, ledger: trace } = world;
  const kept = functionStore(store);
  const logs = await FunctionLogs.open({ store, clock });
  const functions = await Functions.open({
    account,
    clock,
    entropy,
    hash: nodeHash,
    trace,
    store: kept,
    logs,
    runtime,
    ...more,
  });
  return { ...world, functions, runtime, directory };
}

export const ZIP = zipSync({ "index.js": [utf8Bytes("exports.handler = async () => 1"), { mtime: "2000-01-01" }] });
export const BASIC = {
  FunctionName: "f",
  Role: ROLE,
  Runtime: "nodejs22.x",
  Handler: "index.handler",
  Code: { ZipFile: ZIP },
} as const;

export async function refused(promise: Promise<unknown>, code: string, message = /./): Promise<void> {
  await assert.rejects(promise, (error: HawserError) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}
