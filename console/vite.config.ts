import { defineConfig } from "vite";

// The gateway serves all files of the console from one folder. For work on the console: POUCH_GATEWAY=http://127.0.0.1:3000 npm run dev
const gateway = process.env["POUCH_GATEWAY"] ?? "http://127.0.0.1:3000";

export default defineConfig({
  base: "./",
  build: {
    target: "es2022",
    assetsDir: "",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  esbuild: { legalComments: "none" },
  server: {
    proxy: Object.fromEntries(["/v1", "/kafka", "/openapi.json", "/docs"].map((path) => [path, gateway])),
  },
});
