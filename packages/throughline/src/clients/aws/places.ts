/** A client may be given any number of names: the oldest places are forgotten beyond this. */
const MAX_PLACES = 1000;

/** What a client sends to or receives from, by the name that the SDK's users give; each made once. */
export class Places<Place> {
  private readonly known = new Map<string, Place>();
  private readonly make: (name: string) => Place;

  constructor(make: (name: string) => Place) {
    this.make = make;
  }

  /** Undefined for what is no name. */
  of(name: unknown): Place | undefined {
    if (typeof name !== "string" || name === "") return undefined;
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const oldest = this.known.size >= MAX_PLACES ? this.known.keys().next().value : undefined;
    if (oldest !== undefined) this.known.delete(oldest);
    const made = this.make(name);
    this.known.set(name, made);
    return made;
  }
}
