// What can be done to dead letters: sent again, dismissed, deleted. Each tells first what it would do, and then wants the number typed.
import { useEffect, useState } from "preact/hooks";
import { ask } from "../api";
import { count, plural } from "../format";
import { useAction } from "../hooks";
import { Asking, Choice, Dialog, Failure } from "../ui";

/** What a call tells, of what it would do or has done. */
interface Told {
  topics?: Record<string, number>;
  [name: string]: unknown;
}

interface Deed {
  title: string;
  about: string;
  /** The member that says how many it is about. */
  of: string;
  would: string;
  nothing: string;
  label: (n: string) => string;
  danger?: boolean;
  /** Members that say how many were done, and how many not. */
  done: string;
  did: string;
  not?: [string, string];
  /** Members that say why others are left out. */
  left: [string, string][];
}

export type DeedName = "redrive" | "dismiss" | "purge";

const deeds: Record<DeedName, Deed> = {
  redrive: {
    title: "Send dead letters again",
    about: "They go back to where they came from, as they came and still sealed; nobody waits for their answers any more.",
    of: "send",
    would: "would be sent again",
    nothing: "There is nothing to send",
    label: (n) => `Send ${n} again`,
    done: "sent",
    did: "sent again",
    not: ["failed", "could not be sent"],
    left: [
      ["with_others", "are of the same records, which go once: they count as sent with those"],
      ["sent_before", "were sent again before"],
      ["dismissed", "were dismissed"],
      ["truncated", "are not whole: what was cut off is gone"],
      ["nowhere", "do not say where they came from, or that is no topic for requests, or not there"],
      ["circling", "have come back too often"],
      ["later", "are left for another run"],
    ],
  },
  dismiss: {
    title: "Dismiss dead letters",
    about: "They are off the lists and are not sent again with others. The records stay in the topic until its retention takes them.",
    of: "matching",
    would: "would be dismissed",
    nothing: "There is nothing to dismiss",
    label: (n) => `Dismiss ${n}`,
    done: "dismissed",
    did: "dismissed",
    not: ["later", "are left for another run"],
    left: [],
  },
  purge: {
    title: "Delete old dead letters",
    about: "They are deleted from the topic for good, whatever they are about. Nothing brings them back.",
    of: "matching",
    would: "would be deleted for good",
    nothing: "None is as old as that",
    label: (n) => `Delete ${n} for good`,
    danger: true,
    done: "deleted",
    did: "deleted",
    left: [["behind_newer", "are old enough, but lie behind newer ones, and stay"]],
  },
};

function Plan({ deed, told }: { deed: Deed; told: Told }) {
  const n = Number(told[deed.of]);
  return (
    <div class={n ? "state" : "state warn"} role="status">
      <strong>{n ? `${plural(n, "letter")} ${deed.would}` : deed.nothing}</strong>
      <ul>
        {Object.entries(told.topics ?? {}).map(([topic, letters]) => (
          <li key={topic}>
            {count(letters)} to <code>{topic}</code>
          </li>
        ))}
        {deed.left
          .filter(([name]) => Number(told[name]) > 0)
          .map(([name, text]) => (
            <li key={name}>
              {count(Number(told[name]))} {text}
            </li>
          ))}
      </ul>
    </div>
  );
}

function Done({ deed, told, close }: { deed: Deed; told: Told; close: () => void }) {
  const [name, text] = deed.not ?? ["", ""];
  const not = Number(told[name] ?? 0);
  return (
    <>
      <div class={not || told["stopped"] ? "state warn" : "state good"} role="status">
        {plural(Number(told[deed.done]), "letter")} {deed.did}
        {not > 0 && `, ${count(not)} ${text}`}.{told["stopped"] === true && " The gateway is stopping, so the others were left."}
      </div>
      <Way close={close} />
    </>
  );
}

function Way({ close }: { close: () => void }) {
  return (
    <div class="actions">
      <button type="button" onClick={close}>
        Close
      </button>
    </div>
  );
}

interface DoProps {
  name: DeedName;
  /** Which letters, in words, and as the calls take it. */
  which: string;
  body: Record<string, unknown>;
  changed: () => void;
  close: () => void;
}

/** A look, a typed number, the deed: nothing is done that was not told before. */
function Do({ name, which, body, changed, close }: DoProps) {
  const deed = deeds[name];
  const [plan, setPlan] = useState<Told | null>(null);
  const [done, setDone] = useState<Told | null>(null);
  const call = (how: { dry_run: boolean; expect?: number }) => ask<Told>(`/v1/dead-letters/${name}`, { method: "POST", body: { ...body, ...how } });
  const look = useAction(async () => setPlan(await call({ dry_run: true })));
  useEffect(() => void look.run(), []);
  const n = Number(plan?.[deed.of] ?? 0);
  if (done) return <Done deed={deed} told={done} close={close} />;
  return (
    <>
      <p class="quiet">
        {which} {deed.about}
      </p>
      {look.busy && (
        <div class="state" role="status" aria-busy="true">
          Looking what it would be; nothing is done yet…
        </div>
      )}
      <Failure text={look.error} />
      {plan && <Plan deed={deed} told={plan} />}
      {plan && n > 0 ? (
        <Asking
          label={deed.label(String(n))}
          danger={deed.danger ?? false}
          word={String(n)}
          act={async () => setDone(await call({ dry_run: false, expect: n }))}
          done={changed}
          close={close}
        />
      ) : (
        <Way close={close} />
      )}
    </>
  );
}

const ages: [string, string][] = [
  ["30d", "30 days"],
  ["7d", "7 days"],
  ["1d", "a day"],
  ["1h", "an hour"],
];

/** What is deleted is chosen by its age alone: Kafka deletes from the front of a partition, whatever is there. */
function Purge(props: DoProps) {
  const [age, setAge] = useState("30d");
  const text = ages.find(([name]) => name === age)?.[1];
  return (
    <>
      <Choice label="Older than" value={age} onValue={setAge} options={ages} />
      <Do key={age} {...props} which={`All that are older than ${text}.`} body={{ until: age }} />
    </>
  );
}

export function DeedDialog(props: DoProps) {
  return (
    <Dialog title={deeds[props.name].title} onClose={props.close}>
      {props.name === "purge" ? <Purge {...props} /> : <Do {...props} />}
    </Dialog>
  );
}
