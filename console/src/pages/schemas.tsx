// The schema registry: subjects, their versions, and the text of one.
import { useState } from "preact/hooks";
import { at } from "../api";
import { useLoad } from "../hooks";
import { link, type Place } from "../router";
import type { Schema } from "../types";
import { Badge, Card, Choice, Empty, Facts, Field, Page, Show } from "../ui";

interface Subjects {
  subjects: string[];
}

interface Versions {
  subject: string;
  versions: number[];
  compatibility?: string | null;
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function Text({ subject, version }: { subject: string; version: number }) {
  const schema = useLoad<Schema>(`/v1/schemas/${at(subject)}/versions/${version}`);
  return (
    <Show of={schema} what="the schema">
      {(one) => (
        <>
          <Facts
            rows={[
              ["Type", <Badge>{one.type}</Badge>],
              ["Id", one.id],
            ]}
          />
          <pre tabIndex={0} aria-label={`Schema ${subject}, version ${version}`}>
            {pretty(one.schema)}
          </pre>
        </>
      )}
    </Show>
  );
}

function One({ subject }: { subject: string }) {
  const versions = useLoad<Versions>(`/v1/schemas/${at(subject)}`);
  const [chosen, choose] = useState("");
  return (
    <Card title={subject}>
      <Show of={versions} what="its versions">
        {(data) => {
          const newest = [...data.versions].sort((a, b) => b - a);
          const version = Number(chosen) || newest[0];
          if (version === undefined) return <Empty>It has no version that is not deleted.</Empty>;
          return (
            <>
              <div class="filters">
                <Choice
                  label="Version"
                  value={String(version)}
                  onValue={choose}
                  options={newest.map((one, i) => [String(one), i ? String(one) : `${one}, the newest`])}
                />
              </div>
              {data.compatibility && <p class="quiet">Compatibility: {data.compatibility}</p>}
              <Text subject={subject} version={version} />
            </>
          );
        }}
      </Show>
    </Card>
  );
}

function List({ subjects, chosen }: { subjects: string[]; chosen: string | undefined }) {
  const [filter, setFilter] = useState("");
  const shown = subjects.filter((one) => one.includes(filter));
  if (!subjects.length) return <Empty>The registry has no schemas yet. pouch schema register makes one.</Empty>;
  return (
    <>
      <Field label="Find by name" type="search" value={filter} onValue={setFilter} />
      {shown.length ? (
        <ul class="pick">
          {shown.map((one) => (
            <li key={one}>
              <a href={link("schemas", one)} aria-current={one === chosen ? "true" : undefined}>
                {one}
              </a>
            </li>
          ))}
        </ul>
      ) : (
        <Empty>No subject has that in its name.</Empty>
      )}
    </>
  );
}

export function Schemas({ place }: { place: Place }) {
  const subjects = useLoad<Subjects>("/v1/schemas");
  const [chosen] = place.rest;
  return (
    <Page title="Schemas" about="What payloads must look like, from the schema registry.">
      <div class="split">
        <Card title="Subjects">
          <Show of={subjects} what="the subjects">
            {(data) => <List subjects={data.subjects} chosen={chosen} />}
          </Show>
        </Card>
        {chosen ? (
          <One key={chosen} subject={chosen} />
        ) : (
          <Card title="Schema">
            <Empty>Choose a subject to see its schema.</Empty>
          </Card>
        )}
      </div>
    </Page>
  );
}
