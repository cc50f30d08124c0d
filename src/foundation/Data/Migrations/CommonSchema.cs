namespace SkyRiff.Data;

/// <summary>
/// What every shard has before any service: the record of migrations, the maker of ids, the directory, and the maker of monthly partitions.
/// Repeating it changes nothing.
/// </summary>
internal static class CommonSchema
{
    public const string Text = """
        CREATE SCHEMA IF NOT EXISTS skyriff;

        CREATE TABLE IF NOT EXISTS skyriff.migrations (
          service     text        NOT NULL,
          number      integer     NOT NULL,
          name        text        NOT NULL,
          checksum    text        NOT NULL,
          applied_at  timestamptz NOT NULL DEFAULT now(),
          PRIMARY KEY (service, number)
        );

        -- The same on every shard; the highest version counts. See SlotDirectory.
        CREATE TABLE IF NOT EXISTS skyriff.directory (
          version     bigint      NOT NULL,
          shard_count integer     NOT NULL,
          placement   bytea       NOT NULL,
          written_at  timestamptz NOT NULL DEFAULT now(),
          PRIMARY KEY (version)
        );

        -- 4,096 ids a millisecond and shard before one could repeat; the primary key of whatever takes the id would refuse it.
        CREATE SEQUENCE IF NOT EXISTS skyriff.id_sequence MINVALUE 0 MAXVALUE 4095 START 0 CYCLE;

        -- See SkyRiff.Kernel.Ids.Id for the layout; 1704067200000 is 2024-01-01 in Unix milliseconds.
        -- No SECURITY DEFINER and no SET: only so does the planner inline it, which makes it four times as fast. Services may use the sequence.
        CREATE OR REPLACE FUNCTION skyriff.next_id(slot integer) RETURNS bigint
        LANGUAGE sql VOLATILE AS $$
          SELECT (((extract(epoch FROM clock_timestamp()) * 1000)::bigint - 1704067200000) << 22) | (slot::bigint << 12) | nextval('skyriff.id_sequence')
        $$;

        -- The smallest id of a moment: the bound of a monthly partition of a table that is partitioned by id.
        CREATE OR REPLACE FUNCTION skyriff.id_floor(moment timestamptz) RETURNS bigint
        LANGUAGE sql IMMUTABLE AS $$
          SELECT greatest((extract(epoch FROM moment) * 1000)::bigint - 1704067200000, 0) << 22
        $$;

        -- Gives a table that is partitioned by month (on a timestamptz, or on an id) its partitions for this month (UTC) and the next ones.
        -- Only who may read the table may ask: some may write into it by functions alone. Rows that already fell into the default partition are moved.
        CREATE OR REPLACE FUNCTION skyriff.ensure_months(parent regclass, ahead integer) RETURNS integer
        LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog SET lock_timeout = '3s' AS $$
        DECLARE
          space text; leaf text; by_id boolean; key_column text; month timestamp; low text; high text; made integer := 0;
        BEGIN
          IF NOT has_table_privilege(session_user, parent, 'SELECT') THEN RAISE insufficient_privilege USING MESSAGE = 'not yours: ' || parent; END IF;
          SELECT n.nspname, c.relname, a.attname, a.atttypid = 'bigint'::regtype INTO STRICT space, leaf, key_column, by_id
            FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
            WHERE p.partrelid = parent AND p.partstrat = 'r';
          FOR offset_months IN 0..ahead LOOP
            month := date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => offset_months);
            CONTINUE WHEN to_regclass(format('%I.%I', space, leaf || to_char(month, '"_y"YYYY"m"MM'))) IS NOT NULL;
            PERFORM pg_advisory_xact_lock(hashtextextended(space || '.' || leaf, 0));
            CONTINUE WHEN to_regclass(format('%I.%I', space, leaf || to_char(month, '"_y"YYYY"m"MM'))) IS NOT NULL;
            IF by_id THEN
              low := skyriff.id_floor(month AT TIME ZONE 'UTC')::text;
              high := skyriff.id_floor((month + interval '1 month') AT TIME ZONE 'UTC')::text;
            ELSE
              low := quote_literal(to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00');
              high := quote_literal(to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
            END IF;
            -- CREATE and ATTACH rather than CREATE ... PARTITION OF: that one would stop all writers of the parent.
            EXECUTE format('CREATE TABLE %1$I.%2$I (LIKE %1$I.%3$I INCLUDING ALL)', space, leaf || to_char(month, '"_y"YYYY"m"MM'), leaf);
            IF to_regclass(format('%I.%I', space, leaf || '_default')) IS NOT NULL THEN
              EXECUTE format('WITH moved AS (DELETE FROM %1$I.%2$I WHERE %3$I >= %4$s AND %3$I < %5$s RETURNING *) INSERT INTO %1$I.%6$I SELECT * FROM moved',
                space, leaf || '_default', key_column, low, high, leaf || to_char(month, '"_y"YYYY"m"MM'));
            END IF;
            EXECUTE format('ALTER TABLE %1$I.%2$I ATTACH PARTITION %1$I.%3$I FOR VALUES FROM (%4$s) TO (%5$s)',
              space, leaf, leaf || to_char(month, '"_y"YYYY"m"MM'), low, high);
            made := made + 1;
          END LOOP;
          RETURN made;
        END $$;

        -- Drops the monthly partitions of a history table that ended before the moment; other tables are not for dropping.
        CREATE OR REPLACE FUNCTION skyriff.drop_months(parent regclass, before timestamptz) RETURNS integer
        LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog SET lock_timeout = '3s' AS $$
        DECLARE
          partition record; dropped integer := 0;
        BEGIN
          IF NOT has_table_privilege(session_user, parent, 'DELETE') OR (SELECT relname FROM pg_class WHERE oid = parent) NOT LIKE '%\_history' THEN
            RAISE insufficient_privilege USING MESSAGE = 'not a history of yours: ' || parent;
          END IF;
          FOR partition IN
            SELECT n.nspname, c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE i.inhparent = parent AND c.relname ~ '_y\d{4}m\d{2}$'
              AND to_date(right(c.relname, 7), 'YYYY"m"MM') + interval '1 month' <= before AT TIME ZONE 'UTC'
          LOOP
            EXECUTE format('DROP TABLE %I.%I', partition.nspname, partition.relname);
            dropped := dropped + 1;
          END LOOP;
          RETURN dropped;
        END $$;
        """;
}
