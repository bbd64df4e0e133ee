// The frame around all pages, and the door before them.
import { useEffect, useState } from "preact/hooks";
import { ask, key, onSignedOut, Refusal } from "./api";
import { DeadLetters } from "./pages/letters";
import { Events } from "./pages/events";
import { Gateways } from "./pages/gateways";
import { Overview } from "./pages/overview";
import { Requests } from "./pages/requests";
import { Routes } from "./pages/routes";
import { Schemas } from "./pages/schemas";
import { Services } from "./pages/services";
import { SignIn } from "./pages/signin";
import { Tenants } from "./pages/tenants";
import { Topics } from "./pages/topics";
import { link, usePlace } from "./router";
import { learnScopes } from "./scopes";
import { type Theme, useTheme } from "./theme";
import type { Who } from "./types";
import { Empty, Page, Trouble } from "./ui";

const pages = [
  { name: "overview", title: "Overview", show: Overview },
  { name: "routes", title: "Routes", show: Routes },
  { name: "services", title: "Services", show: Services },
  { name: "requests", title: "Requests", show: Requests },
  { name: "letters", title: "Dead letters", show: DeadLetters },
  { name: "topics", title: "Topics", show: Topics },
  { name: "tenants", title: "Tenants", show: Tenants },
  { name: "schemas", title: "Schemas", show: Schemas },
  { name: "gateways", title: "Gateways", show: Gateways },
  { name: "events", title: "Events", show: Events },
];

function ThemeChoice() {
  const [theme, choose] = useTheme();
  return (
    <label class="theme">
      <span class="unseen">Colours</span>
      <select value={theme} onChange={(event) => choose(event.currentTarget.value as Theme)}>
        <option value="system">As the system</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
}

function Frame({ who, leave }: { who: Who; leave: () => void }) {
  const place = usePlace();
  const page = pages.find((one) => one.name === place.page);
  return (
    <div class="frame">
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.querySelector<HTMLElement>("h1")?.focus();
        }}
      >
        Skip to the page
      </a>
      <header class="side">
        <div>
          <a class="brand" href={link("overview")}>
            <span class="mark" aria-hidden="true" /> Pouch
          </a>
          <nav aria-label="Pages">
            {pages.map(({ name, title }) => (
              <a key={name} href={link(name)} aria-current={name === place.page ? "page" : undefined}>
                {title}
              </a>
            ))}
          </nav>
          <div class="me">
            <span class="quiet" title="Who the gateway takes you for">
              {who.name}
            </span>
            <ThemeChoice />
            {key.get() && (
              <button type="button" class="plain" onClick={leave}>
                Sign out
              </button>
            )}
          </div>
        </div>
      </header>
      <main id="main">
        {page ? (
          <page.show place={place} />
        ) : (
          <Page title="No such page">
            <Empty>
              There is no page of this name. <a href={link("overview")}>Overview</a>
            </Empty>
          </Page>
        )}
      </main>
    </div>
  );
}

export function App() {
  const [who, setWho] = useState<Who | null>(null);
  const [error, setError] = useState<Refusal | null>(null);
  const [turn, again] = useState(0);
  const enter = () => again((n) => n + 1);

  useEffect(() => {
    onSignedOut((refused) => {
      const why = key.get() ? refused.message : null;
      key.forget();
      setWho(null);
      setError((old) => new Refusal(401, why ?? old?.message ?? ""));
    });
    ask<Who>("/v1/whoami").then(
      (known) => {
        setError(null);
        learnScopes(known.scopes ?? []);
        setWho(known);
      },
      (refused: Refusal) => {
        if (refused.status !== 401) setError(refused);
      },
    );
  }, [turn]);

  const leave = () => {
    key.forget();
    setWho(null);
    enter();
  };
  if (who) return <Frame who={who} leave={leave} />;
  if (error && error.status !== 401) {
    return (
      <main class="door">
        <Trouble error={error} again={enter} />
      </main>
    );
  }
  if (error) return <SignIn refused={error.message} enter={enter} />;
  return (
    <main class="door">
      <p role="status" aria-busy="true">
        Loading…
      </p>
    </main>
  );
}
