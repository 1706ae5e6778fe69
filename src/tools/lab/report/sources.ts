/**
 * What the lab's reports are judged by: formulas and theorems as one writes them, and where each comes from. The links
 * are for readers; a page asks for nothing by itself.
 */

export interface Source {
  readonly name: string;
  readonly url: string;
}

const SOURCES = {
  nakamoto: {
    name: "Nakamoto, Bitcoin: A Peer-to-Peer Electronic Cash System (2008), section 11",
    url: "https://bitcoin.org/bitcoin.pdf",
  },
  rosenfeld: {
    name: "Rosenfeld, Analysis of Hashrate-Based Double Spending (2014)",
    url: "https://arxiv.org/abs/1402.2009",
  },
  selfish: {
    name: "Eyal and Sirer, Majority is not Enough: Bitcoin Mining is Vulnerable (2013)",
    url: "https://arxiv.org/abs/1311.0243",
  },
  generals: {
    name: "Lamport, Shostak and Pease, The Byzantine Generals Problem (1982)",
    url: "https://doi.org/10.1145/357172.357176",
  },
  reaching: {
    name: "Pease, Shostak and Lamport, Reaching Agreement in the Presence of Faults (1980)",
    url: "https://doi.org/10.1145/322186.322188",
  },
  pbft: {
    name: "Castro and Liskov, Practical Byzantine Fault Tolerance and Proactive Recovery (2002)",
    url: "https://doi.org/10.1145/571637.571640",
  },
  partial: {
    name: "Dwork, Lynch and Stockmeyer, Consensus in the Presence of Partial Synchrony (1988)",
    url: "https://doi.org/10.1145/42282.42283",
  },
  cap: {
    name: "Gilbert and Lynch, Brewer's Conjecture and the Feasibility of Consistent, Available, Partition-Tolerant Web Services (2002)",
    url: "https://doi.org/10.1145/564585.564601",
  },
  twins: {
    name: "Bano and others, Twins: BFT Systems Made Robust (2020)",
    url: "https://arxiv.org/abs/2004.10617",
  },
  eclipse: {
    name: "Heilman and others, Eclipse Attacks on Bitcoin's Peer-to-Peer Network (2015)",
    url: "https://eprint.iacr.org/2015/263",
  },
  timewarp: {
    name: "BIP 94, which gives testnet 4 the guard against timewarp",
    url: "https://github.com/bitcoin/bips/blob/master/bip-0094.mediawiki",
  },
  presync: {
    name: "Bitcoin Core, headers that are stored only when the chain has proven its work",
    url: "https://github.com/bitcoin/bitcoin/pull/25717",
  },
  interval: {
    name: "Wilson, Probable Inference, the Law of Succession, and Statistical Inference (1927)",
    url: "https://doi.org/10.1080/01621459.1927.10502953",
  },
} as const satisfies Readonly<Record<string, Source>>;

export interface Formula {
  /** The id of the formula, which no other has on a page. */
  readonly id: string;
  readonly name: string;
  /** The formula as one writes it. */
  readonly formula: string;
  /** What its letters are and when it holds. */
  readonly words: string;
  readonly source: Source;
}

const RATIO = "q: the attacker's part of the hash power, p = 1 - q, r = q/p, z: confirmations.";

const STRICT: Formula = {
  id: "strict",
  name: "Strict formula",
  formula: "P = Σₖ C(z+k-1, k) pᶻ qᵏ · min(1, r^(z+1-k)), k = 0, 1, 2, …",
  words: `${RATIO} k: blocks that the attacker has when the merchant delivers. The attacker must get one block ahead; with a give-up at a deficit g the last factor for a deficit d is (rᵈ - rᵍ) / (1 - rᵍ).`,
  source: SOURCES.rosenfeld,
};

const QUORUMS: Formula = {
  id: "quorums",
  name: "Two quorums share a correct validator",
  formula: "2Q - n ≥ f + 1, with f = ⌊(n-1)/3⌋ and Q = ⌈(n+f+1)/2⌉",
  words:
    "While at most f validators lie, two blocks of one height cannot both have a certificate: a theorem, not a chance.",
  source: SOURCES.pbft,
};

export const FORMULAS = {
  attack51: [
    STRICT,
    {
      id: "rosenfeld",
      name: "Rosenfeld's formula",
      formula: "P = 1 - Σₖ C(z+k-1, k) (pᶻ qᵏ - pᵏ qᶻ), k = 0 … z",
      words: `${RATIO} One block in advance, or success at a tie. 1 from a half of the hash power on.`,
      source: SOURCES.rosenfeld,
    },
    {
      id: "nakamoto",
      name: "Nakamoto's approximation",
      formula: "P = 1 - Σₖ (λᵏ e^(-λ) / k!) (1 - r^(z-k)), k = 0 … z, λ = z r",
      words: `${RATIO} Shown for comparison only: progress is taken as a Poisson distribution, a tie as success.`,
      source: SOURCES.nakamoto,
    },
    {
      id: "interval",
      name: "Interval of what was measured",
      formula: "(p̂ + t²/2n ± t √(p̂(1-p̂)/n + t²/4n²)) / (1 + t²/n), t = 1.96",
      words:
        "Wilson's interval for a share p̂ of n trials. Left out where a theorem leaves nothing to chance.",
      source: SOURCES.interval,
    },
  ],
  selfish: [
    {
      id: "revenue",
      name: "Revenue of the pool",
      formula: "R = (α(1-α)²(4α + γ(1-2α)) - α³) / (1 - α(1 + (2-α)α))",
      words: "α: the pool's part of the hash power, γ: the part of the honest power on its branch at a tie.",
      source: SOURCES.selfish,
    },
    {
      id: "threshold",
      name: "From where on it pays",
      formula: "α > (1-γ) / (3-2γ)",
      words: "A third with γ = 0, a quarter with γ = 1/2, nothing with γ = 1.",
      source: SOURCES.selfish,
    },
  ],
  generals: [
    {
      id: "impossible",
      name: "Impossibility by word of mouth",
      formula: "n ≤ 3m",
      words:
        "With m traitors among n generals no protocol of oral messages makes all loyal ones act alike and obey a loyal commander.",
      source: SOURCES.reaching,
    },
    {
      id: "oral",
      name: "Oral messages OM(m)",
      formula: "n ≥ 3m + 1; (n-1) + (n-1)(n-2) + … messages in m + 1 rounds",
      words: "Each lieutenant takes what most others say that they were told.",
      source: SOURCES.generals,
    },
    {
      id: "signed",
      name: "Signed messages SM(m)",
      formula: "any n; m + 1 rounds",
      words: "Nobody can change what another has signed, so a liar is seen.",
      source: SOURCES.generals,
    },
  ],
  validators: [QUORUMS],
  twins: [
    QUORUMS,
    {
      ...QUORUMS,
      id: "twins",
      name: "One key on two machines counts as one fault",
      formula: "twins ≤ f",
      words: "Two honest replicas with one key sign what a liar would sign; the same theorem bounds them.",
      source: SOURCES.twins,
    },
  ],
  silent: [
    QUORUMS,
    {
      id: "liveness",
      name: "Progress",
      formula: "n - silent ≥ Q",
      words:
        "With a quorum that is heard in time the chain goes on after a view change; without one it waits, and stays safe.",
      source: SOURCES.partial,
    },
  ],
  partition: [
    QUORUMS,
    {
      id: "cap",
      name: "Consistent or available",
      formula: "at most one side has Q of n votes",
      words:
        "A network that is split cannot be both; this chain stays consistent and the smaller side waits.",
      source: SOURCES.cap,
    },
  ],
  majority: [STRICT, QUORUMS],
  timewarp: [
    {
      id: "retarget",
      name: "Retarget of a period",
      formula: "target' = target · clamp(T, 600 N / 4, 600 N · 4) / (600 N)",
      words:
        "N: blocks of a period, T: the time between its first and its last block by their stamps. The guard ties the first stamp of a period to the last of the one before.",
      source: SOURCES.timewarp,
    },
  ],
  eclipse: [
    {
      id: "groups",
      name: "Connections by group",
      formula: "the attacker's connections ≤ the attacker's groups of addresses",
      words:
        "The node chooses at most one connection in a group of addresses, and the book keeps few of one group.",
      source: SOURCES.eclipse,
    },
  ],
  spam: [
    {
      id: "bound",
      name: "Work before memory",
      formula: "stored ⇔ work(branch) ≥ work(tip) - 144 · work(tip block)",
      words: "A branch is read through without keeping it until it has shown that much work.",
      source: SOURCES.presync,
    },
  ],
  censor: [
    {
      id: "delay",
      name: "Leaving out",
      formula: "1 / (1 - q) blocks on average",
      words: "q: the censor's part of the hash power.",
      source: SOURCES.nakamoto,
    },
    {
      id: "undo",
      name: "Undoing a block",
      formula: "(r² - rᵍ) / (1 - rᵍ)",
      words: "r = q/p; the censor begins two blocks short and gives up g blocks short.",
      source: SOURCES.rosenfeld,
    },
  ],
} as const satisfies Readonly<Record<string, readonly Formula[]>>;
