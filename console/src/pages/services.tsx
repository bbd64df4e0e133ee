// Services: what answers, where, and which routes name it.
import { useState } from "preact/hooks";
import { ask, at } from "../api";
import { plural, when } from "../format";
import { useLoad } from "../hooks";
import { go, link, type Place } from "../router";
import { may } from "../scopes";
import { Asking, Badge, Card, type Column, Dialog, Facts, Field, Page, Searched, Show } from "../ui";

interface Service {
  name: string;
  version: string | null;
  description: string | null;
  endpoint: string | null;
  tags: string[];
  revision: number;
  created_at: string;
  updated_at: string;
  /** Publishers whose routes name it; of one service alone. */
  routes?: string[];
}

const pathOf = (name: string) => `/v1/services/${at(name)}`;
/** The revision that was seen: what somebody else has changed meanwhile is not overwritten. */
const asSeen = (service: Service) => ({ "if-match": `"${service.revision}"` });

function Tags({ tags }: { tags: string[] }) {
  return (
    <div class="buttons">
      {tags.map((tag) => (
        <Badge key={tag}>{tag}</Badge>
      ))}
    </div>
  );
}

function Edit({ service, done, close }: { service: Service | null; done: () => void; close: () => void }) {
  const [name, setName] = useState(service?.name ?? "");
  const [version, setVersion] = useState(service?.version ?? "");
  const [description, setDescription] = useState(service?.description ?? "");
  const [endpoint, setEndpoint] = useState(service?.endpoint ?? "");
  const [tags, setTags] = useState(service?.tags.join(", ") ?? "");
  const save = () =>
    ask(pathOf(name.trim()), {
      method: "PUT",
      headers: service ? asSeen(service) : { "if-none-match": "*" },
      body: {
        ...(version.trim() && { version: version.trim() }),
        description: description.trim() || null,
        endpoint: endpoint.trim() || null,
        tags: tags
          .split(",")
          .map((tag) => tag.trim())
          .filter(Boolean),
      },
    });
  return (
    <Dialog title={service ? `Service ${service.name}` : "New service"} onClose={close}>
      <Asking label={service ? "Save" : "Add"} act={save} done={done} close={close}>
        <Field label="Name" value={name} onValue={setName} required readOnly={service !== null} hint="As routes name it" />
        <Field label="Version" value={version} onValue={setVersion} placeholder="1.0.0" />
        <Field label="Description" value={description} onValue={setDescription} />
        <Field label="Endpoint" value={endpoint} onValue={setEndpoint} hint="Where people find it; requests do not go there" />
        <Field label="Tags, separated by commas" value={tags} onValue={setTags} />
      </Asking>
    </Dialog>
  );
}

function Remove({ service, done, close }: { service: Service; done: () => void; close: () => void }) {
  return (
    <Dialog title={`Remove the service ${service.name}?`} onClose={close}>
      <p>Routes that name it go on working.</p>
      <Asking
        label="Remove"
        danger
        word={service.name}
        act={() => ask(pathOf(service.name), { method: "DELETE", headers: asSeen(service) })}
        done={done}
        close={close}
      />
    </Dialog>
  );
}

function One({ name }: { name: string }) {
  const service = useLoad<Service>(pathOf(name), 10_000);
  const [open, set] = useState<"edit" | "remove" | null>(null);
  return (
    <Page
      title={name}
      about="A service: what answers, and for whom."
      actions={
        <>
          <a class="button" href={link("services")}>
            All services
          </a>
          {service.data && may("write.routes", name) && (
            <>
              <button type="button" onClick={() => set("edit")}>
                Edit
              </button>
              <button type="button" class="danger" onClick={() => set("remove")}>
                Remove
              </button>
            </>
          )}
        </>
      }
    >
      <Card title="Service">
        <Show of={service} what="the service">
          {(one) => (
            <Facts
              rows={[
                ["Version", one.version],
                ["Description", one.description],
                ["Endpoint", one.endpoint && <span class="code">{one.endpoint}</span>],
                ["Tags", one.tags.length > 0 && <Tags tags={one.tags} />],
                ["Revision", one.revision],
                ["Changed", when(one.updated_at)],
                [
                  "Named by",
                  one.routes?.length ? (
                    <ul class="plain">
                      {one.routes.map((publisher) => (
                        <li key={publisher}>
                          <a href={link("routes", publisher)}>{publisher}</a>
                        </li>
                      ))}
                    </ul>
                  ) : (
                    "no route"
                  ),
                ],
              ]}
            />
          )}
        </Show>
      </Card>
      {open === "edit" && service.data && (
        <Edit
          service={service.data}
          close={() => set(null)}
          done={() => {
            set(null);
            service.again();
          }}
        />
      )}
      {open === "remove" && service.data && <Remove service={service.data} done={() => go(link("services"))} close={() => set(null)} />}
    </Page>
  );
}

const columns: Column<Service>[] = [
  {
    name: "Service",
    cell: (one) => (
      <>
        <a class="wrap" href={link("services", one.name)}>
          {one.name}
        </a>
        {one.description && <div class="quiet wrap">{one.description}</div>}
      </>
    ),
  },
  { name: "Version", cell: (one) => one.version },
  { name: "Endpoint", less: true, cell: (one) => one.endpoint && <span class="code wrap">{one.endpoint}</span> },
  { name: "Tags", cell: (one) => (one.tags.length ? <Tags tags={one.tags} /> : null) },
  { name: "Changed", less: true, cell: (one) => when(one.updated_at) },
];

function All() {
  const services = useLoad<{ services: Service[] }>("/v1/services", 10_000);
  const [adding, add] = useState(false);
  return (
    <Page
      title="Services"
      about="What answers requests. Routes name services, for people to know whom to ask."
      actions={
        may("write.routes") && (
          <button type="button" class="main" onClick={() => add(true)}>
            Add a service
          </button>
        )
      }
    >
      <Card title="All services" aside={services.data && plural(services.data.services.length, "service")}>
        <Show of={services} what="the services">
          {(data) => (
            <Searched
              label="Find by name, tag or endpoint"
              caption="Services"
              columns={columns}
              rows={data.services}
              id={(one) => one.name}
              words={(one) => [one.name, one.endpoint ?? "", ...one.tags]}
              empty="There are no services yet. Add one, or use pouch service add."
            />
          )}
        </Show>
      </Card>
      {adding && (
        <Edit
          service={null}
          close={() => add(false)}
          done={() => {
            add(false);
            services.again();
          }}
        />
      )}
    </Page>
  );
}

export function Services({ place }: { place: Place }) {
  const [name] = place.rest;
  return name ? <One key={name} name={name} /> : <All />;
}
