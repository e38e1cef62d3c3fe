import type { Reporter, TestModule } from "vitest/node";

/** Ends the run with one line that people and CI can read: "e2e: N passed, N failed". */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state !== "pending") count[state] += 1;
      }
      // A file that does not load has failed, though none of its tests ran.
      if (module.state() === "failed" && module.errors().length > 0) count.failed += 1;
    }
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : "";
    console.log(`e2e: ${count.passed} passed, ${count.failed} failed${skipped}`);
  }
}
