/*
 * The rules of deletion.pml that can be left out, each beside what stands there instead.
 */

/* ---- Which answers count ---- */

#ifdef WRONG_ARCHIVED_IS_NOT_FLOOR
#define SHOWN_FLOOR 0               /* what is archived goes, and the manifest shows no floor */
#else
#define SHOWN_FLOOR floor
#endif

#ifdef NO_ACCEPTANCE
#define TRUSTED(node) true
#elif defined(WRONG_READERS_TRUST)
#define TRUSTED(node) (!IS_WRITER(node))
#else
#define TRUSTED(node) false
#endif

#ifdef WRONG_ABSENCE_IS_TRUSTED
#define ABSENCE_TRUSTED true
#else
#define ABSENCE_TRUSTED false
#endif

#ifdef WRONG_JUDGE_WHEN_SENT
#define SENT_FRESH(node, position) (HAS_SENT(node, position) && OWNER(store[position]) == node \
    && sentFresh[AT(node, position)])
#else
#define SENT_FRESH(node, position) false
#endif

#ifdef WRONG_JUDGE_AHEAD
#define JUDGED_AT(node, position) position      /* not the node's first unknown position */
#else
#define JUDGED_AT(node, position) tail[node]
#endif

#ifdef WRONG_ANCHOR_AT_ANSWER
#define AGE(writer, position) 0
#else
#define AGE(writer, position) age[AT(writer, position)]
#endif

/* ---- When an object may be deleted ---- */

#ifdef NO_GRACE
#define DELETABLE(position) (position < floor && store[position] != ABSENT)
#else
#define DELETABLE(position) \
    (position < floor && store[position] != ABSENT && deletable[position] >= GRACE)
#endif
