// Light and dark: as the system has it, or as was chosen here.
import { useState } from "preact/hooks";

export type Theme = "system" | "light" | "dark";

const storage = "pouch.theme";

function kept(): Theme {
  const value = localStorage.getItem(storage);
  return value === "light" || value === "dark" ? value : "system";
}

export function applyTheme(theme: Theme = kept()): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, set] = useState(kept);
  return [
    theme,
    (chosen) => {
      if (chosen === "system") localStorage.removeItem(storage);
      else localStorage.setItem(storage, chosen);
      applyTheme(chosen);
      set(chosen);
    },
  ];
}
