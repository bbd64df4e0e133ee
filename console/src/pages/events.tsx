// The live events: what programs broadcast to browsers, as any browser that may listen gets it.
import { useEffect, useState } from "preact/hooks";
import { when } from "../format";
import { listen, type LiveEvent, type State } from "../live";
import { type Place, setQuery } from "../router";
import { Badge, Card, Empty, Failure, Field, Filters, Page, type Tone } from "../ui";

const most = 200;

const states: Record<State, [Tone, string]> = {
  connecting: ["plain", "connecting"],
  live: ["good", "live"],
  away: ["warn", "connection lost; trying again"],
  refused: ["bad", "not allowed"],
};

function short(data: string): string {
  return data.length > 2000 ? `${data.slice(0, 2000)}… (${data.length} characters)` : data;
}

function Item({ event }: { event: LiveEvent }) {
  return (
    <li>
      <span class="quiet">{when(event.at)}</span>
      <span class="code quiet">{event.id ? `#${event.id}` : "–"}</span>
      <strong class="wrap">{event.name}</strong>
      <span class="code wrap">{short(event.data)}</span>
    </li>
  );
}

function Stream({ channels }: { channels: string }) {
  const [events, setEvents] = useState<LiveEvent[]>([]);
  const [state, setState] = useState<State>("connecting");
  const [why, setWhy] = useState<string | null>(null);
  const [paused, pause] = useState(false);

  useEffect(() => {
    if (paused) return;
    return listen(channels, {
      state: (now, because) => {
        setState(now);
        setWhy(because ?? null);
      },
      event: (event) => setEvents((old) => [event, ...old].slice(0, most)),
    });
  }, [channels, paused]);

  const [tone, text] = paused ? (["plain", "paused"] as const) : states[state];
  return (
    <Card
      title="Events"
      aside={
        <span role="status">
          <Badge tone={tone}>{text}</Badge>
        </span>
      }
    >
      <div class="actions">
        <button type="button" onClick={() => pause(!paused)}>
          {paused ? "Go on" : "Pause"}
        </button>
        <button type="button" onClick={() => setEvents([])} disabled={!events.length}>
          Clear
        </button>
      </div>
      <Failure text={why && `These channels cannot be listened to: ${why}`} />
      {events.length ? (
        <ul class="events" aria-label="Events, the newest first">
          {events.map((event, i) => (
            <Item key={`${event.id} ${event.at} ${events.length - i}`} event={event} />
          ))}
        </ul>
      ) : (
        <Empty>{paused ? "Paused." : "Nothing has come yet. What is broadcast on these channels from now on is shown here."}</Empty>
      )}
    </Card>
  );
}

const defaults = "auth,payments,messages,alerts,general";

/** As the gateway takes them: "a,b". */
function list(text: string): string {
  return text
    .split(",")
    .map((one) => one.trim())
    .filter(Boolean)
    .join(",");
}

export function Events({ place }: { place: Place }) {
  const [channels, setChannels] = useState(place.query.get("channels") ?? defaults);
  const [asked, setAsked] = useState(list(channels));
  return (
    <Page title="Events" about="What is broadcast to browsers, as it comes. Sealed requests and answers never pass here.">
      <Card title="Which">
        <Filters
          label="Listen"
          find={() => {
            setAsked(list(channels));
            setQuery({ channels: list(channels) });
          }}
        >
          <Field label="Channels, separated by commas" value={channels} onValue={setChannels} required />
        </Filters>
      </Card>
      <Stream key={asked} channels={asked} />
    </Page>
  );
}
