/** A module of a test with a value of every type that a declaration can have. */
import {
  address,
  bool,
  bytes,
  call,
  cell,
  choice,
  defineModule,
  event,
  hash,
  height,
  list,
  map,
  option,
  struct,
  text,
  time,
  uint,
} from "../../src/chain/modules/define-module.ts";

const seal = struct({ mark: bytes(4), isBig: bool, sizes: list(uint(16), 3) });

export const deeds = defineModule(
  {
    name: "deeds",
    state: {
      deeds: map(
        hash,
        struct({
          owner: address,
          label: text(64),
          since: height,
          at: time,
          grade: choice("low", "high"),
          value: uint(64),
          lastOwner: option(address),
          seal,
          height: uint(8),
        }),
      ),
      byOwner: map(struct({ owner: address, deed: hash }), uint(32)),
      count: cell(uint(64)),
    },
    events: {
      entered: event({ deed: hash, owner: address, label: text(64) }),
      changedHands: event({ deed: hash, from: address, to: address, seal: option(seal) }),
    },
    faults: { NotOwner: "only the owner may give a deed away", Unknown: "no such deed" },
  },
  {
    enter: call({ deed: hash, label: text(64) }, (ctx, { deed, label }) => {
      const mark = { mark: "0x01ff" as const, isBig: true, sizes: [1, 65_535] };
      ctx.state.deeds.set(deed, {
        owner: ctx.sender,
        label,
        since: ctx.height,
        at: ctx.timeMs,
        grade: "high",
        value: 18_446_744_073_709_551_615n,
        lastOwner: null,
        seal: mark,
        height: 7,
      });
      ctx.state.byOwner.set({ owner: ctx.sender, deed }, 1);
      ctx.state.count.set((ctx.state.count.get() ?? 0n) + 1n);
      ctx.emit.entered({ deed, owner: ctx.sender, label });
    }),
    give: call({ deed: hash, to: address }, (ctx, { deed, to }) => {
      const entry = ctx.state.deeds.get(deed);
      if (entry === undefined) throw ctx.fault("Unknown");
      if (entry.owner !== ctx.sender) throw ctx.fault("NotOwner");
      ctx.state.deeds.set(deed, {
        ...entry,
        owner: to,
        lastOwner: ctx.sender,
        since: ctx.height,
        grade: "low",
      });
      ctx.state.byOwner.delete({ owner: ctx.sender, deed });
      ctx.state.byOwner.set({ owner: to, deed }, 2);
      ctx.emit.changedHands({ deed, from: ctx.sender, to, seal: entry.seal });
    }),
  },
);
