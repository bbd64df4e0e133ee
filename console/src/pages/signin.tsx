import { useEffect, useState } from "preact/hooks";
import { key } from "../api";
import { Failure, Field } from "../ui";

export function SignIn({ refused, enter }: { refused: string; enter: () => void }) {
  const [secret, setSecret] = useState("");
  useEffect(() => {
    document.title = "Sign in · Pouch";
  }, []);
  return (
    <main class="door">
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          key.set(secret.trim());
          enter();
        }}
      >
        <h1>
          <span class="mark" aria-hidden="true" /> Sign in to Pouch
        </h1>
        <p class="quiet">With an API key of this gateway. It is kept in this tab alone, until you close it or sign out.</p>
        <Field label="API key" type="password" value={secret} onValue={setSecret} required hint="To make one: pouch access new" />
        <Failure text={refused ? `The gateway does not take this key: ${refused}` : null} />
        <button type="submit" class="main" disabled={!secret.trim()}>
          Sign in
        </button>
      </form>
    </main>
  );
}
