/** `suraft members`: who belongs to the cluster, and changes of that. */

import { InvalidArgumentError, Option, type Command } from "commander";
import {
  addClientOptions,
  countOption,
  openClient,
  type ClientOptionValues,
} from "../client-options.js";
import { interruption } from "../interruption.js";
import { membersTable } from "../members-table.js";
import { printWarning } from "../failure-report.js";
import { write } from "../output.js";
import type { ChangedMembers, MemberChange, NewMember } from "../../client/types.js";

interface ListOptions extends ClientOptionValues {
  readonly json?: true;
}

interface ChangeOptions extends ListOptions {
  readonly ifVersion?: number;
  readonly force?: true;
  readonly learner?: true;
  readonly priority?: number;
}

export function declareMembers(command: Command): void {
  command.description(
    "Shows who belongs to the cluster, adds and removes nodes. Any number in one step: quorums only " +
      "decide who tries to lead, the store decides who does.",
  );
  declareList(command);
  declareAdd(command);
  declareUpdate(command);
  declareRemove(command);
  declareForce(command);
}

function declareList(command: Command): void {
  const list = command
    .command("list", { isDefault: true })
    .description("Shows the members.")
    .option("--json", "print JSON");
  addClientOptions(list).action(async (options: ListOptions) => {
    const client = openClient(options);
    const { members, membersVersion: version } = await client.status({ signal: interruption() });
    await show({ version, members, warnings: [] }, options);
  });
}

function declareAdd(command: Command): void {
  const add = command
    .command("add")
    .description("Adds nodes. Start each before, with its --node-id and the cluster's --store.")
    .argument("<node-id=host:port...>", "the new members");
  addChangeOptions(addMemberOptions(add)).action((texts: string[], options: ChangeOptions) =>
    change({ add: texts.map((text) => parseMember(text, options)) }, options),
  );
}

function declareUpdate(command: Command): void {
  const update = command
    .command("update")
    .description(
      "Changes members: address, voter or learner, and priority become what is said here.",
    )
    .argument("<node-id=host:port...>", "the members as they shall be");
  addChangeOptions(addMemberOptions(update)).action((texts: string[], options: ChangeOptions) =>
    change({ update: texts.map((text) => parseMember(text, options)) }, options),
  );
}

function declareRemove(command: Command): void {
  const remove = command
    .command("remove")
    .description("Removes nodes, the leader too: it hands over.")
    .argument("<node-id...>", "the members to remove");
  addChangeOptions(remove).action((removeIds: string[], options: ChangeOptions) =>
    change({ removeIds }, options),
  );
}

function declareForce(command: Command): void {
  const force = command
    .command("force-leader")
    .description(
      "Has the node at --address lead without votes: where the majority is lost for good. It reads the " +
        "log to its end, and nothing acknowledged is lost. Then remove the lost members.",
    );
  addClientOptions(force).action(async (options: ClientOptionValues) => {
    const client = openClient(options);
    const [address = ""] = options.address;
    const term = await client.forceLeadership({ address, signal: interruption() });
    await write(`${address} leads in term ${term}\n`);
  });
}

function addMemberOptions(command: Command): Command {
  return command
    .option("--learner", "they serve reads, and neither vote nor lead")
    .addOption(
      new Option("--priority <n>", "the greater one leads; 0: votes and never leads").argParser(
        countOption(0),
      ),
    );
}

function addChangeOptions(command: Command): Command {
  command
    .addOption(
      new Option("--if-version <n>", "only if the list has this version").argParser(countOption(0)),
    )
    .option("--force", "also voters that do not answer")
    .option("--json", "print JSON");
  return addClientOptions(command);
}

function parseMember(text: string, { learner, priority }: ChangeOptions): NewMember {
  const [nodeId = "", address = "", ...rest] = text.split("=");
  if (rest.length > 0 || nodeId === "" || address === "") {
    throw new InvalidArgumentError(`"${text}" is not of the form node-id=host:port.`);
  }
  return {
    nodeId,
    address,
    learner: learner === true,
    ...(priority === undefined ? {} : { priority }),
  };
}

async function change(change: MemberChange, options: ChangeOptions): Promise<void> {
  const client = openClient(options);
  const changed = await client.changeMembers(
    { ...change, force: options.force === true, ...versionOf(options) },
    { signal: interruption() },
  );
  await show(changed, options);
}

function versionOf({ ifVersion }: ChangeOptions): Pick<MemberChange, "expectedVersion"> {
  return ifVersion === undefined ? {} : { expectedVersion: ifVersion };
}

async function show(changed: ChangedMembers, { json }: ListOptions): Promise<void> {
  changed.warnings.forEach(printWarning);
  await write(json ? `${JSON.stringify(changed)}\n` : membersTable(changed));
}
