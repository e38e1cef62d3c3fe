import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "./until";

/** A session bus that starts no services by itself: what is on it, a test has put there. */
const CONFIG = (folder: string) => `<!DOCTYPE busconfig PUBLIC
  "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=${folder}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>`;

/** A D-Bus session bus of one test's own: apps on one bus see each other as a first and a second. */
export class Bus {
  private constructor(
    readonly address: string,
    private readonly children: ChildProcess[],
  ) {}

  static async start(folder: string): Promise<Bus> {
    const config = join(folder, "bus.conf");
    writeFileSync(config, CONFIG(folder));
    const daemon = spawn(
      "dbus-daemon",
      [`--config-file=${config}`, "--nofork", "--print-address"],
      {
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    const [address] = await once(daemon.stdout, "data");
    return new Bus(String(address).trim(), [daemon]);
  }

  /** Puts an unlocked keychain on the bus, with its files under `home`. */
  async startKeychain(env: NodeJS.ProcessEnv): Promise<void> {
    const keyring = spawn(
      "gnome-keyring-daemon",
      ["--foreground", "--unlock", "--components=secrets"],
      { env, stdio: ["pipe", "ignore", "ignore"] },
    );
    this.children.unshift(keyring);
    keyring.stdin.end("the keychain's password");
    await until("a keychain on the bus", async () => this.owns("org.freedesktop.secrets", env));
  }

  private owns(name: string, env: NodeJS.ProcessEnv): boolean {
    const call = ["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/"];
    const ask = [...call, "org.freedesktop.DBus.GetNameOwner", `string:${name}`];
    return spawnSync("dbus-send", ask, { env, stdio: "ignore" }).status === 0;
  }

  stop(): void {
    for (const child of this.children) child.kill();
  }
}
