import { Group } from "./group.ts";
import { Log } from "./log.ts";
import { Running } from "./running.ts";

/** What all clients of one memory broker share. */
export class BrokerState {
  readonly log: Log;
  readonly running: Running = new Running();
  private readonly groups = new Map<string, Group>();

  constructor(defaultPartitions: number) {
    this.log = new Log(defaultPartitions);
  }

  group(groupId: string): Group {
    let group = this.groups.get(groupId);
    if (group === undefined) this.groups.set(groupId, (group = new Group(groupId, this.log)));
    return group;
  }
}
