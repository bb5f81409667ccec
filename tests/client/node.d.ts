// As much of Node as these tests use.

declare module "node:test" {
  export function test(name: string, body: () => void | Promise<void>): void;
  export function beforeEach(body: () => void): void;
}

declare module "node:assert/strict" {
  const assert: typeof check & Record<string, (...values: any[]) => any>;
  function check(value: unknown, message?: string): asserts value;
  export default assert;
}

declare module "node:fs" {
  export const readFileSync: any;
}

declare module "node:crypto" {
  export const createDecipheriv: any;
  export const createHash: any;
  export const hkdfSync: any;
  export const pbkdf2Sync: any;
}

declare const Buffer: { from(data: any, encoding?: string): any; concat(parts: any[]): any };
declare function setImmediate(callback: (value?: any) => void): any;
declare const process: { env: Record<string, string | undefined> };
