-- Who began a call, and who talked with the customer when: one call may be talked in by several agents.
alter table call add column kind text not null default 'inbound';

create table call_talk (
    call_id integer not null,
    agent_id integer not null,
    from_at integer not null,
    until_at integer not null,
    primary key (call_id, agent_id, from_at)
) strict, without rowid;
create index call_talk_agent on call_talk (agent_id, from_at);
