import { expect } from "chai";

import { Availability, gapMsMin } from "./availability.js";

describe("the measure of unavailability", () => {
  it("takes the longest time without an acknowledgement, and the sum of the long ones", () => {
    const availability = new Availability();
    availability.begin(1000);
    for (const ms of [1100, 1100 + gapMsMin, 1200 + gapMsMin, 3200 + gapMsMin]) {
      availability.acknowledged(ms);
    }
    expect(availability.longestMs).to.equal(2000);
    expect(availability.totalMs).to.equal(2000 + gapMsMin);
  });

  it("counts the time up to the end, and none after it", () => {
    const availability = new Availability();
    availability.begin(0);
    availability.end(5000);
    availability.acknowledged(90_000);
    expect(availability.longestMs).to.equal(5000);
    expect(availability.totalMs).to.equal(5000);
  });
});
