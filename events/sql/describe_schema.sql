-- The ledger's own schema in words, a line for each thing, partitions but the first left out: they are alike. So is
-- the privilege MAINTAIN, which older servers do not have.
WITH tables AS (
    SELECT c.oid, c.relname::text AS name, c.relkind, c.reloptions
      FROM pg_class c
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
       AND (NOT c.relispartition OR c.relname = 'events_from_0')
), routines AS (
    SELECT p.oid, p.oid::regprocedure::text AS name, p.prokind, p.prosrc, p.prosecdef, p.provolatile, p.proparallel,
           p.proconfig, p.proacl, p.proowner
      FROM pg_proc p
     WHERE p.pronamespace = current_schema()::regnamespace
)
SELECT ('table ' || name || CASE relkind WHEN 'p' THEN ' ' || pg_get_partkeydef(oid) ELSE '' END
       || coalesce(' ' || array_to_string(reloptions, ' '), '')) COLLATE "C" AS line
  FROM tables
UNION ALL
SELECT 'column ' || t.name || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
       || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
       || CASE WHEN a.attcollation <> y.typcollation THEN ' collate ' || l.collname ELSE '' END
       || CASE a.attidentity WHEN 'a' THEN ' identity' ELSE '' END
       || CASE WHEN a.attstorage <> y.typstorage THEN ' storage ' || a.attstorage::text ELSE '' END
       || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
  FROM tables t
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type y ON y.oid = a.atttypid
  LEFT JOIN pg_collation l ON l.oid = a.attcollation
  LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
UNION ALL
SELECT 'type ' || c.relname || ' (' || string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', '
                                                  ORDER BY a.attnum) || ')'
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'c'
 GROUP BY c.relname
UNION ALL
SELECT 'index ' || t.name || ': ' || pg_get_indexdef(i.indexrelid) FROM tables t JOIN pg_index i ON i.indrelid = t.oid
UNION ALL
SELECT 'constraint ' || t.name || '.' || k.conname || ' ' || pg_get_constraintdef(k.oid)
  FROM tables t
  JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype <> 'n'
UNION ALL
SELECT 'trigger ' || t.name || ': ' || pg_get_triggerdef(g.oid)
  FROM tables t
  JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal
UNION ALL
SELECT 'routine ' || prokind::text || ' ' || name || ' ' || provolatile::text || proparallel::text
       || CASE WHEN prosecdef THEN ' as its owner' ELSE '' END
       || coalesce(' set ' || array_to_string(proconfig, '; '), '') || ' ' || md5(prosrc)
  FROM routines
UNION ALL
SELECT 'grant ' || string_agg(lower(x.privilege_type), ', ' ORDER BY x.privilege_type) || ' on ' || t.name || ' to '
       || x.grantee::regrole::text
  FROM tables t
  JOIN pg_class c ON c.oid = t.oid
 CROSS JOIN LATERAL aclexplode(c.relacl) x
 WHERE x.grantee <> c.relowner AND x.privilege_type <> 'MAINTAIN'
 GROUP BY t.name, x.grantee
UNION ALL
SELECT 'grant execute on ' || r.name || ' to ' || CASE x.grantee WHEN 0 THEN 'public' ELSE x.grantee::regrole::text END
  FROM routines r
 CROSS JOIN LATERAL aclexplode(coalesce(r.proacl, acldefault('f', r.proowner))) x
 WHERE x.grantee <> r.proowner
 ORDER BY line
