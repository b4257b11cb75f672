import assert from "node:assert";
import type { Claim } from "../claim.ts";

/** The traced client as an object. */
export const client: readonly Claim[] = [
  {
    name: "a traced client has the properties, the class and the methods of the bare one",
    async body(stage) {
      const [traced, bare] = [await stage.connection(), await stage.connection("bare")];
      assert.equal(traced.clients.length, bare.clients.length);
      traced.clients.forEach((one, at) => {
        const other = bare.clients[at] as object;
        assert.ok(Object.getPrototypeOf(one) === Object.getPrototypeOf(other), "another prototype");
        const { constructor } = other;
        if (typeof constructor === "function") assert.ok(one instanceof constructor);
        assert.deepStrictEqual(Reflect.ownKeys(one), Reflect.ownKeys(other));
        for (const name of namesOf(other)) {
          const [mine, theirs] = [Reflect.get(one, name), Reflect.get(other, name)] as unknown[];
          assert.equal(typeof mine, typeof theirs, String(name));
          assert.ok(name in one, String(name));
          if (typeof mine !== "function" || typeof theirs !== "function") continue;
          assert.deepStrictEqual([mine.name, mine.length], [theirs.name, theirs.length]);
        }
      });
    },
  },
  {
    name: "a method of a traced client is the same function whenever it is read",
    async body(stage) {
      const { clients } = await stage.connection();
      for (const one of clients) {
        for (const name of namesOf(one)) {
          assert.ok(Object.is(Reflect.get(one, name), Reflect.get(one, name)), String(name));
        }
      }
    },
  },
  {
    name: "a client that is traced already is given back as it is",
    async body(stage) {
      const { clients } = await stage.connection();
      const { traced } = stage.client.functions;
      for (const one of clients) assert.ok(traced(one as never) === one, "traced twice");
    },
  },
  {
    name: "a promise of the client itself is one of the traced client",
    needs: ["promisesOfItself"],
    async body(stage) {
      const [bare, traced] = [await stage.connection("bare"), await stage.connection()];
      const of = {
        bare: (await bare.promised?.()) ?? [],
        traced: (await traced.promised?.()) ?? [],
      };
      assert.ok(
        of.bare.length > 0 && of.bare.every(([one, came]) => came === one),
        "no such promise",
      );
      assert.equal(of.traced.length, of.bare.length);
      for (const [one, came] of of.traced) assert.ok(came === one, "the bare one");
    },
  },
  {
    name: "a method that gives its client back gives the traced one",
    async body(stage) {
      const { clients } = await stage.connection("bare");
      const { traced } = stage.client.functions;
      for (const one of clients) {
        const fluent = Object.create(one, {
          itself: {
            value(this: unknown) {
              return this;
            },
          },
        }) as { itself(): unknown };
        const proxy = traced(fluent as never) as typeof fluent;
        assert.ok(proxy.itself() === proxy, "the bare one");
      }
    },
  },
];

function namesOf(of: object): PropertyKey[] {
  const names = new Set<PropertyKey>();
  for (let at: object | null = of; at !== null && at !== Object.prototype;) {
    for (const name of Reflect.ownKeys(at)) if (!isAccessor(at, name)) names.add(name);
    at = Object.getPrototypeOf(at) as object | null;
  }
  return [...names];
}

/** An accessor of the client's may do anything. */
function isAccessor(of: object, name: PropertyKey): boolean {
  return Reflect.getOwnPropertyDescriptor(of, name)?.get !== undefined;
}
