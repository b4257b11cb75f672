// oxlint-disable typescript/no-misused-promises -- amqplib calls void what may well be a promise.
// traced() gives back the type it was given, for whatever of amqplib's two APIs a user holds.
import { type Channel, type ChannelModel, type ConfirmChannel, connect } from "amqplib";
import type * as callbacks from "amqplib/callback_api";
import * as amqplib from "throughline/amqplib";
import type { ClientFunctions } from "throughline/testing";

const { traced } = amqplib;

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Same<A, B>): void {}

const connection = traced(await connect("amqp://127.0.0.1"));
same<typeof connection, ChannelModel>(true);
const recovering = traced(await connect("amqp://127.0.0.1", { recovery: true }));
await recovering.waitForConnect();

declare const channel: Channel;
declare const confirms: ConfirmChannel;
const tracedChannel = traced(channel);
same<typeof tracedChannel, Channel>(true);
const tracedConfirms = traced(confirms);
same<typeof tracedConfirms, ConfirmChannel>(true);

declare const called: callbacks.Connection;
declare const calledChannel: callbacks.ConfirmChannel;
const tracedCalled = traced(called);
same<typeof tracedCalled, callbacks.Connection>(true);
const tracedCalledChannel = traced(calledChannel);
same<typeof tracedCalledChannel, callbacks.ConfirmChannel>(true);

export const functions: ClientFunctions = amqplib;

// A consumer's handler may be told of a cancel; what withRetries gives fits consume().
await channel.consume(
  "orders",
  amqplib.withRetries(
    async (message) => {
      if (message !== null) channel.ack(message);
    },
    {
      deadLetter: (letter) => channel.sendToQueue("orders.dlq", letter.content, letter),
    },
  ),
);

// @ts-expect-error the options are not a channel
traced({ host: "127.0.0.1" });

// @ts-expect-error a relation of that name does not exist
traced(channel, { relation: "sibling" });
