import { expect } from "chai";
import { AgeClock } from "../../src/log/age-clock.js";

/** Two clocks that the test sets. */
function clocks(): { times: [number, number]; clock: AgeClock } {
  const times: [number, number] = [1_000, 50_000];
  return { times, clock: new AgeClock([() => times[0], () => times[1]]) };
}

describe("the age clock (PROTOCOL 9)", () => {
  it("begins at nothing, and stands still while both clocks do", () => {
    const { clock } = clocks();
    expect(clock.ageMs).to.equal(0);
    expect(clock.leastMs).to.equal(0);
  });

  it("counts a sleep that only one clock saw as age, and not as waiting", () => {
    const { times, clock } = clocks();
    times[0] += 10;
    times[1] += 3_600_000;
    expect(clock.ageMs).to.equal(3_600_000);
    expect(clock.leastMs).to.equal(10);
  });

  it("moves neither back when a clock is set back, nor counts its way up again as waiting", () => {
    const { times, clock } = clocks();
    times[0] += 10;
    times[1] -= 3_600_000;
    expect(clock.ageMs).to.equal(10);
    expect(clock.leastMs).to.equal(0);
    times[0] += 10;
    times[1] += 3_600_000;
    expect(clock.leastMs).to.equal(10);
    expect(clock.ageMs).to.equal(3_600_010);
  });

  it("follows the clocks of this machine", () => {
    const clock = new AgeClock();
    const first = clock.ageMs;
    expect(clock.leastMs).to.be.at.most(clock.ageMs);
    expect(clock.ageMs).to.be.at.least(first);
  });
});
