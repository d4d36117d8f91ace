-- Most read
CREATE TABLE IF NOT EXISTS pages (
  id BIGSERIAL PRIMARY KEY,
  title varchar(255) NOT NULL DEFAULT 'it''s',
  "order" integer REFERENCES other (id)
);
/* counts */
select p.title, count(*) as views, coalesce(avg(e.engaged), 0.5)
from pages p
left join events e on e.page_id = p.id and e.kind = 'view'
where p.published is true and p.id >= $1
group by 1 having count(*) > 10
order by views desc limit 5;
create function f() returns int as $$ begin return 1; end $$ language plpgsql;
