namespace SkyRiff.Data;

/// <summary>What every shard has before any service: the record of migrations, and the maker of ids. Repeating it changes nothing.</summary>
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

        -- 4,096 ids a millisecond and shard before one could repeat; the primary key of whatever takes the id would refuse it.
        CREATE SEQUENCE IF NOT EXISTS skyriff.id_sequence MINVALUE 0 MAXVALUE 4095 START 0 CYCLE;

        -- See SkyRiff.Kernel.Ids.Id for the layout; 1704067200000 is 2024-01-01 in Unix milliseconds.
        CREATE OR REPLACE FUNCTION skyriff.next_id(slot integer) RETURNS bigint
        LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
          SELECT ((extract(epoch FROM clock_timestamp()) * 1000)::bigint - 1704067200000) << 22 | slot::bigint << 12 | nextval('skyriff.id_sequence')
        $$;
        """;
}
