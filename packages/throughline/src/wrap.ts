import { warnOnce } from "./guard.ts";
import { close, follow, show } from "./shadow.ts";

/**
 * What to put in place of a client's own method: `own` is that method, `self` what to call it on.
 * It is not to be looked up on `self`: whoever borrows a traced method finds the traced one there.
 */
export type Method = (own: Function, self: object, args: unknown[]) => unknown;

const proxies = new WeakMap<object, object>();
// Under a global symbol: a client traced by another copy of this library is traced.
const TRACED = Symbol.for("throughline.traced.1");
const ORIGINAL = Symbol.for("throughline.original.1");
/** node:util's inspect.custom. */
const SHOWN = Symbol.for("nodejs.util.inspect.custom");

/** The client that a traced one stands for; any other as it is. */
export function originalOf<Client extends object>(client: Client): Client {
  return (client as { [ORIGINAL]?: Client })[ORIGINAL] ?? client;
}

/**
 * The traced client of one that has been traced before, by whichever copy of this library where it
 * is that very one; undefined for any other. It keeps the options that it has: that others were
 * given is said once.
 */
export function tracedBefore<Client extends object>(
  client: Client,
  options: object | null,
): Client | undefined {
  const traced = (client as { [TRACED]?: boolean })[TRACED] === true;
  const known = traced ? client : (proxies.get(client) as Client | undefined);
  if (known !== undefined && options !== null && Object.keys(options).length > 0) {
    warnOnce(
      "traced again",
      "traced() got a client that is traced already: it keeps its first options, and those given now do nothing.",
    );
  }
  return known;
}

/**
 * A client that behaves as `target` does, but for some methods. The original is not written to.
 *
 * Methods run on the original, so that private fields work; each is the same function every time
 * it is read. A method that gives the original back gives the proxy back, for chaining. Wrapping
 * the same object again gives the same proxy.
 */
export function wrap<Client extends object>(
  target: Client,
  methods: Readonly<Record<string, Method>>,
): Client {
  const known = proxies.get(target);
  if (known !== undefined) return known as Client;
  const bound = new Map<PropertyKey, { of: Function; as: Function }>();
  // The proxy stands before an empty object of the same prototype: a frozen client's own
  // properties would otherwise have to be given out unchanged.
  const shadow = Object.create(Object.getPrototypeOf(target) as object | null) as Client;
  // Node's console shows what a proxy stands before, and asks none of its traps.
  Object.defineProperty(shadow, SHOWN, { value: () => target, configurable: true });
  const read = (name: PropertyKey): unknown => {
    const value: unknown = target[name as keyof Client];
    if (typeof value !== "function") return wrapped(value);
    if (name === "constructor") return value;
    const held = bound.get(name);
    if (held?.of === value) return held.as;
    const as = methodOf(target, name, value, methods, () => proxy);
    bound.set(name, { of: value, as });
    return as;
  };
  // Whether the shadow has properties, which the engine then holds our answers against.
  let closed = false;
  const asShown = (name: PropertyKey): PropertyDescriptor | undefined => {
    if (!closed) return undefined;
    show(shadow, target, name, read);
    return Reflect.getOwnPropertyDescriptor(shadow, name);
  };
  const proxy: Client = new Proxy(shadow, {
    get(_shadow, name) {
      if (name === TRACED) return true;
      if (name === ORIGINAL) return target;
      if (!closed) return read(name);
      const shown = asShown(name);
      return shown !== undefined && "value" in shown ? shown.value : read(name);
    },
    set: (_shadow, name, value) => Reflect.set(target, name, value, target),
    has: (_shadow, name) => asShown(name) !== undefined || Reflect.has(target, name),
    deleteProperty(_shadow, name) {
      const gone = Reflect.deleteProperty(target, name);
      asShown(name);
      return gone;
    },
    ownKeys() {
      if (closed) follow(shadow, target, read);
      return Reflect.ownKeys(target);
    },
    getPrototypeOf: () => Reflect.getPrototypeOf(target),
    setPrototypeOf: (_shadow, prototype) => Reflect.setPrototypeOf(target, prototype),
    preventExtensions: () => (closed = close(shadow, target, read)),
    isExtensible() {
      closed ||= follow(shadow, target, read);
      return Reflect.isExtensible(shadow);
    },
    defineProperty(_shadow, name, descriptor) {
      if (descriptor.configurable !== false) {
        const open = closed ? descriptor : { ...descriptor, configurable: true };
        const defined = Reflect.defineProperty(target, name, open);
        asShown(name);
        return defined;
      }
      if (!Reflect.defineProperty(target, name, descriptor)) return false;
      closed = true;
      return show(shadow, target, name, read);
    },
    getOwnPropertyDescriptor(_shadow, name) {
      const descriptor = asShown(name) ?? Reflect.getOwnPropertyDescriptor(target, name);
      if (descriptor === undefined || closed) return descriptor;
      const { enumerable = false } = descriptor;
      return { value: read(name), enumerable, configurable: true, writable: true };
    },
  });
  proxies.set(target, proxy);
  return proxy;
}

/** A client that another one shows (the transaction of a producer) is the same object wherever it is read. */
function wrapped(value: unknown): unknown {
  if (value === null || typeof value !== "object") return value;
  return proxies.get(value) ?? value;
}

function methodOf(
  target: object,
  name: PropertyKey,
  value: Function,
  methods: Readonly<Record<string, Method>>,
  proxy: () => object,
): Function {
  const replaced =
    typeof name === "string" && Object.hasOwn(methods, name) ? methods[name] : undefined;
  // A proxy around the function keeps its name, its length and whatever properties it has.
  return new Proxy(value, {
    apply(_value, self, args: unknown[]) {
      const receiver: unknown = self === proxy() ? target : self;
      const result: unknown =
        replaced === undefined
          ? Reflect.apply(value, receiver, args)
          : replaced(value, receiver === undefined ? target : (receiver as object), args);
      return result === target ? proxy() : result;
    },
  });
}
