import { fileURLToPath } from "node:url";
import { join } from "node:path";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");

/** The app under test: the debug build with the front end inside, unless told otherwise. */
export const APP = process.env.CHATKEEP_APP ?? join(target, "debug", "chatkeep");

/** The tool that brings chats back, from outside of the app. */
export const RESTORE_DB = process.env.CHATKEEP_RESTORE_DB ?? join(target, "debug", "restore-db");

/** Where scripts/lib/fetch-models lays the models that find by meaning. */
export const MODELS = process.env.CHATKEEP_MODEL_DIR ?? join(target, "models");

/** Screenshots and logs of the tests. */
export const ARTEFACTS = join(target, "e2e");

/** Screenshots of the demo. */
export const DEMO = join(target, "demo");

/** Starts the app, and notes its process id, its output and its exit code. */
export const LAUNCHER = fileURLToPath(new URL("./launch.sh", import.meta.url));

/** Looks into a database file by Python's own SQLite. */
export const INSPECTOR = fileURLToPath(new URL("./inspect.py", import.meta.url));
