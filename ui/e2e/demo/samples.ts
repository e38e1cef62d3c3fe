import { saying } from "../support/model-server";

/** One turn of a sample conversation. */
export type Turn = readonly ["user" | "assistant", string];
/** A sample conversation, as the session list shows it. */
export type Sample = { name: string; model: string; turns: Turn[] };

const SOURDOUGH = `Both work; they trade time against taste.

| | Room, 22 °C | Fridge, 4 °C |
|---|---|---|
| Time | 4–5 hours | 12–16 hours |
| Taste | mild, milky | **tangy**, deeper |
| Window | ± 30 minutes | ± 3 hours |

For your Saturday loaf I would:

1. mix on Friday at 18:00,
2. fold four times, every 30 minutes,
3. shape at 22:00 and put it in the fridge,
4. bake at 8:30, straight from the cold.

> The dough is ready when a wet finger leaves a dent that comes back *slowly*.
`;

const BORROW = `The iterator borrows \`orders\` for the whole loop, and \`push\` needs it for itself. Collect first, then push:

\`\`\`rust
let late: Vec<_> = orders
    .iter()
    .filter(|order| order.due < today)
    .map(|order| order.reminder())
    .collect();
orders.extend(late);
\`\`\`

The borrow ends with \`collect()\`, so \`extend\` is free to change the vector. If there are many orders, \`Vec::with_capacity\` saves you the growing.

One more thing: \`order.due < today\` leaves out what is due **today**. Is that what you want?
`;

const KYOTO = `三日間なら、こんな回り方はいかがでしょうか。

- **一日目**: 清水寺 → 二年坂 → 祇園（夕方が静かです）
- **二日目**: 嵐山の竹林、朝八時までに
- **三日目**: 伏見稲荷、そして錦市場で昼食 🍵

In short: temples first, bamboo before eight, and keep the market for last. Buses are slow in April; the Keihan line is not.
`;

/** The answers of the demo's models, by name. */
export const MODELS = {
  "gemma3:27b": saying(SOURDOUGH),
  "qwen3-coder": saying(BORROW),
  "llama3.3": saying(`${SOURDOUGH}\n${BORROW}\n${KYOTO}`, 35),
};

export const SAMPLES: Sample[] = [
  {
    name: "Three days in Kyoto",
    model: "llama3.3",
    turns: [
      [
        "user",
        "京都に三日間行きます。四月の初めです。おすすめは？ (And a line in English for my brother, please.)",
      ],
      ["assistant", KYOTO],
      ["user", "ありがとう！ What should we book ahead?"],
      [
        "assistant",
        "Only two things: the **Saihō-ji** moss garden (by post or online, weeks before) and dinner in Gion. Everything else you can walk up to.",
      ],
    ],
  },
  {
    name: "Why won't the borrow checker let me push?",
    model: "qwen3-coder",
    turns: [
      [
        "user",
        "I get `cannot borrow orders as mutable because it is also borrowed as immutable` here:\n\n```rust\nfor order in orders.iter() {\n    if order.due < today { orders.push(order.reminder()); }\n}\n```\n\nWhat is the idiomatic way?",
      ],
      ["assistant", BORROW],
    ],
  },
  {
    name: "Sourdough: counter or fridge?",
    model: "gemma3:27b",
    turns: [
      [
        "user",
        "My starter is lively now. Should I prove the loaf on the counter or in the fridge? I bake on Saturday mornings.",
      ],
      ["assistant", SOURDOUGH],
      ["user", "And if I oversleep?"],
      [
        "assistant",
        "Nothing happens: in the fridge you have about three hours of slack. Past that the crust gets paler and the crumb a little sour – still bread. 🍞",
      ],
    ],
  },
];

const TOPICS = [
  "Balcony tomatoes in the north",
  "Letter to the landlord",
  "Regex for licence plates",
  "Plan a 10 km run",
  "Explain Bayes with cards",
  "Names for a bookshop",
  "Fix the leaking tap",
  "Portuguese for the trip",
  "SQL: gaps and islands",
  "A toast for Mira's wedding",
  "Compare heat pumps",
  "Why is the sky dark at night?",
  "Reading list: sea stories",
  "Refactor the invoice job",
  "Chess: the Caro-Kann",
  "Vegetarian cassoulet",
  "Notes on the budget meeting",
  "Kubernetes or not?",
  "Bedtime story about a whale",
  "Haiku for the office plant",
];

/** Many short conversations, for a list that has to scroll. */
export const MANY: Sample[] = Array.from({ length: 60 }, (_, i) => ({
  name: `${TOPICS[i % TOPICS.length]}${i < TOPICS.length ? "" : `, part ${Math.floor(i / TOPICS.length) + 1}`}`,
  model: "gemma3:27b",
  turns: [
    ["user", "Where were we?"],
    ["assistant", "Right here."],
  ],
}));

/** One long conversation, for a view that has to scroll. */
export const LONG: Sample = {
  name: "The whole history of tea, one question at a time",
  model: "llama3.3",
  turns: Array.from({ length: 300 }, (_, i): Turn =>
    i % 2 === 0
      ? ["user", `Question ${i / 2 + 1}: what happened next?`]
      : [
          "assistant",
          `Step ${(i + 1) / 2} of the story. ${"Caravans carried bricks of it over the passes, and every town had its own way to brew. ".repeat((i % 5) + 1)}`,
        ],
  ),
};

export const PINS = [
  "Bakes on Saturday mornings; likes it tangy.",
  "The oven runs 15 °C hot: set 235 for 250.",
  "```\nhydration = water / flour = 0.72\n```",
];

export const SUMMARY =
  "Compared proving on the counter with proving in the fridge; settled on an overnight cold prove, baked at 8:30.";
