// What pages are made of: states that are said in words, tables, fields, dialogs.
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Refusal } from "./api";
import { key } from "./api";
import { unknown } from "./format";
import { type Loaded, useAction } from "./hooks";

/** Where the keyboard is when the console is opened is the browser's to say; from then on each page begins at its heading. */
let opened = false;

export function Page({
  title,
  about,
  actions,
  children,
}: {
  title: string;
  about?: string;
  actions?: ComponentChildren;
  children: ComponentChildren;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    document.title = `${title} · Pouch`;
    if (opened) {
      heading.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    opened = true;
  }, [title]);
  return (
    <>
      <header class="page-head">
        <div>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {about && <p class="quiet">{about}</p>}
        </div>
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </>
  );
}

export function Card({ title, aside, children, wide }: { title: string; aside?: ComponentChildren; children: ComponentChildren; wide?: boolean }) {
  const id = useId();
  return (
    <section class={wide ? "card wide" : "card"} aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id}>{title}</h2>
        {aside && <div class="quiet">{aside}</div>}
      </div>
      {children}
    </section>
  );
}

function explain(error: Refusal): { title: string; text: string } {
  if (error.status === 403) {
    const who = key.get() ? "Your key" : "Who has no key";
    return { title: "No permission", text: `${who} may not see this: ${error.message}` };
  }
  if (error.status === 401) return { title: "Not signed in", text: error.message };
  if (error.status === 404) return { title: "Not found", text: error.message };
  if (error.status === 0) return { title: "No answer", text: error.message };
  return { title: "This could not be read", text: error.message };
}

export function Trouble({ error, again }: { error: Refusal; again?: () => void }) {
  const { title, text } = explain(error);
  return (
    <div class="state bad" role="alert">
      <strong>{title}</strong>
      <p>{text}</p>
      {again && error.status !== 403 && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <div class="state">{children}</div>;
}

/** What was loaded, or in words why it is not there. What was there before stays in sight with what went wrong since. */
export function Show<T>({ of, what, children }: { of: Loaded<T>; what: string; children: (data: T) => ComponentChildren }) {
  if (of.data === null && of.error) return <Trouble error={of.error} again={of.again} />;
  if (of.data === null)
    return (
      <div class="state" role="status" aria-busy="true">
        Loading {what}…
      </div>
    );
  return (
    <>
      {of.error && <Trouble error={of.error} again={of.again} />}
      {children(of.data)}
    </>
  );
}

export type Tone = "good" | "warn" | "bad" | "plain";

export function Badge({ tone = "plain", children }: { tone?: Tone; children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

export function Stat({ name, value, tone = "plain", note }: { name: string; value: ComponentChildren; tone?: Tone; note?: ComponentChildren }) {
  return (
    <div class={`stat ${tone}`}>
      <dt>{name}</dt>
      <dd>{value}</dd>
      {note && <dd class="quiet note">{note}</dd>}
    </div>
  );
}

export interface Column<R> {
  name: string;
  cell: (row: R) => ComponentChildren;
  number?: boolean;
  /** Not shown where there is little room. */
  less?: boolean;
}

interface TableProps<R> {
  caption: string;
  columns: Column<R>[];
  rows: R[];
  id: (row: R, i: number) => string;
  empty: ComponentChildren;
}

export function Table<R>({ caption, columns, rows, id, empty }: TableProps<R>) {
  if (!rows.length) return <Empty>{empty}</Empty>;
  const kind = (column: Column<R>) => [column.number ? "number" : "", column.less ? "less" : ""].join(" ").trim();
  return (
    <div class="table" role="group" aria-label={caption} tabIndex={0}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" class={kind(column)}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={id(row, i)}>
              {columns.map((column) => (
                <td key={column.name} class={kind(column)}>
                  {column.cell(row) ?? unknown}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface SearchedProps<R> extends TableProps<R> {
  label: string;
  /** What of a row is looked through. */
  words: (row: R) => string[];
  /** With it, what is well can be left out. */
  ails?: (row: R) => boolean;
  first?: string;
  onFind?: (text: string) => void;
}

/** A table with a field to find rows of it. */
export function Searched<R>({ label, words, ails, first = "", onFind, ...table }: SearchedProps<R>) {
  const [text, setText] = useState(first);
  const [ill, setIll] = useState(false);
  if (!table.rows.length) return <Table {...table} />;
  const shown = table.rows.filter((row) => words(row).some((word) => word.includes(text)) && !(ill && !ails?.(row)));
  return (
    <>
      <div class="filters search">
        <Field
          label={label}
          type="search"
          value={text}
          onValue={(value) => {
            setText(value);
            onFind?.(value);
          }}
        />
        {ails && <Check label="Only what ails" checked={ill} onChecked={setIll} />}
      </div>
      <Table {...table} rows={shown} empty="None is like that." />
    </>
  );
}

export function Facts({ rows }: { rows: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {rows
        .filter(([, value]) => value !== null && value !== undefined && value !== "")
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

interface FieldProps {
  label: string;
  value: string;
  onValue: (value: string) => void;
  hint?: string;
  type?: "text" | "search" | "password";
  required?: boolean;
  readOnly?: boolean;
  placeholder?: string;
  pattern?: string;
}

export function Field({ label, value, onValue, hint, type = "text", required = false, readOnly = false, placeholder, pattern }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type={type as "text"}
        value={value}
        onInput={(event) => onValue(event.currentTarget.value)}
        required={required}
        readOnly={readOnly}
        placeholder={placeholder}
        pattern={pattern}
        aria-describedby={hint ? `${id}-hint` : undefined}
        autocomplete="off"
        spellcheck={false}
      />
      {hint && (
        <small id={`${id}-hint`} class="quiet">
          {hint}
        </small>
      )}
    </div>
  );
}

export function Choice({
  label,
  value,
  onValue,
  options,
}: {
  label: string;
  value: string;
  onValue: (value: string) => void;
  options: [string, string][];
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onValue(event.currentTarget.value)}>
        {options.map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

export function Check({ label, checked, onChecked }: { label: string; checked: boolean; onChecked: (checked: boolean) => void }) {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(event) => onChecked(event.currentTarget.checked)} /> {label}
    </label>
  );
}

/** Conditions that are looked by when the form is sent. */
export function Filters({
  label,
  find,
  main = false,
  ready = true,
  more,
  children,
}: {
  label: string;
  find: () => void;
  main?: boolean;
  ready?: boolean;
  more?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <form
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        find();
      }}
    >
      {children}
      <div class="buttons">
        <button type="submit" class={main ? "main" : ""} disabled={!ready}>
          {label}
        </button>
        {more}
      </div>
    </form>
  );
}

/** Keeps the keyboard inside until it is closed, by Escape too; then it is where it was before. */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  // Before the next key, which would go to what is behind it.
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div class="card-head">
        <h2 id={id}>{title}</h2>
        <button type="button" class="plain" onClick={onClose} aria-label="Close">
          ✕
        </button>
      </div>
      {children}
    </dialog>
  );
}

export function Failure({ text }: { text: string | null }) {
  return (
    <div role="alert" class={text ? "state bad" : "unseen"}>
      {text}
    </div>
  );
}

interface AskingProps {
  label: string;
  /** Done when it was; open, with what went wrong, when not. */
  act: () => Promise<unknown>;
  done: () => void;
  close: () => void;
  danger?: boolean;
  /** What cannot be taken back is done when this word has been typed. */
  word?: string;
  children?: ComponentChildren;
}

/** A form in a dialog, with a way on and a way out. */
export function Asking({ label, act, done, close, danger = false, word, children }: AskingProps) {
  const [typed, setTyped] = useState("");
  const doing = useAction(act);
  return (
    <form
      onSubmit={async (event) => {
        event.preventDefault();
        if (await doing.run()) done();
      }}
    >
      {children}
      {word !== undefined && <Field label={`Type ${word} to confirm`} value={typed} onValue={setTyped} required />}
      <Failure text={doing.error} />
      <div class="actions">
        <button type="submit" class={danger ? "danger" : "main"} disabled={doing.busy || (word !== undefined && typed !== word)}>
          {doing.busy ? "A moment…" : label}
        </button>
        <button type="button" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  );
}
