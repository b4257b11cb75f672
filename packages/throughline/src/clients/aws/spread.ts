import { letterParent, rememberLetter } from "../../letters.ts";
import { linkedMessages, links } from "../../links.ts";

// A message is spread into the input of a command beside its queue, or into an entry of a batch
// beside its id: what is left of the object itself there are its attributes.

function attributesOf(message: object): object | undefined {
  const { MessageAttributes } = message as { MessageAttributes?: unknown };
  return typeof MessageAttributes === "object" && MessageAttributes !== null
    ? MessageAttributes
    : undefined;
}

/** Makes a dead letter known by its attributes too. */
export function knownWhenSpread<Letter extends object>(letter: Letter): Letter {
  const parent = letterParent(letter);
  const attributes = attributesOf(letter);
  if (parent !== undefined && attributes !== undefined) rememberLetter(attributes, parent);
  return letter;
}

/** Says what a message was made from, to be known by its attributes too. */
export function linksWhenSpread<Sent extends object>(message: Sent, from: Iterable<object>): Sent {
  const messages = [...from];
  const attributes = attributesOf(message);
  if (attributes !== undefined) links(attributes, messages);
  return links(message, messages);
}

/** The object by which what is known of a message to send is found. */
export function knownAs(message: object): object {
  if (letterParent(message) !== undefined || linkedMessages(message).length > 0) return message;
  const attributes = attributesOf(message);
  if (attributes === undefined) return message;
  const known = letterParent(attributes) !== undefined || linkedMessages(attributes).length > 0;
  return known ? attributes : message;
}
